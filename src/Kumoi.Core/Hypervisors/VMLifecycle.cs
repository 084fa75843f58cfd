namespace Kumoi.Hypervisors;

public enum VMLifecycle
{
    Unknown = 0,
    Defined,
    Undefined,
    Started,
    Suspended,
    Resumed,
    Stopped,
    Shutdown,
    PMSuspended,
    Crashed,

    /// <summary>Events may have been missed before this one (the queue was full, or the connection was lost).</summary>
    Gap,
}
