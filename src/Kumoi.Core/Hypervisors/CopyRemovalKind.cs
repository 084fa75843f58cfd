namespace Kumoi.Hypervisors;

/// <summary>How much of a copy is removed.</summary>
public enum CopyRemovalKind
{
    /// <summary>It is stopped; its definition stays.</summary>
    Stop,

    /// <summary>Also its definition goes. Its disks, and its firmware's variables, are those of the VM elsewhere, and stay.</summary>
    Undefine,

    /// <summary>Also the volumes that were made with it go.</summary>
    Undo,
}
