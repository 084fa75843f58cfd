namespace Kumoi;

/// <summary>By what a host is preferred for a new VM.</summary>
public enum PlacementRank
{
    /// <summary>The least busy CPUs.</summary>
    LeastLoaded = 0,
    MostFreeMemory,

    /// <summary>The fewest running VMs.</summary>
    FewestVMs,

    /// <summary>The busiest that still has room: the others stay empty.</summary>
    Packed,
}
