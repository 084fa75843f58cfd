namespace Kumoi.Hypervisors.Faults;

/// <summary>The groups of calls that a fault rule can name; it can also name a single call (<see cref="HostCall{T}.Name"/>).</summary>
public static class FaultOperation
{
    /// <summary>Every call.</summary>
    public const string Any = "*";

    public const string Connect = "Connect";

    public const string Read = "Read";

    /// <summary>Defining and undefining a VM.</summary>
    public const string Define = "Define";

    /// <summary>Start, resume, reboot and reset.</summary>
    public const string Start = "Start";

    /// <summary>
    /// Shutdown, destroy, suspend, the undoing of a define, and the removal of a copy that lost a migration to several targets.
    /// </summary>
    public const string Stop = "Stop";

    /// <summary>A migration from or to the host; of one to several targets its beginning and its preparation.</summary>
    public const string Migrate = "Migrate";

    /// <summary>
    /// What follows in a migration to several targets: performing it, finishing it at a target, confirming it at the source.
    /// </summary>
    public const string Phase = "Phase";
}
