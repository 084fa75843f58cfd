namespace Kumoi.Speculation;

/// <summary>What one replica says about its host.</summary>
public enum ReplicaEnding
{
    /// <summary>Nothing: it is not known, it was cancelled, or the failure was the VM's, the source's or the budget's.</summary>
    Unknown = 0,

    /// <summary>It won.</summary>
    Won,

    /// <summary>It was complete, and another was first.</summary>
    Complete,

    /// <summary>It had not failed when another was complete.</summary>
    Abandoned,

    /// <summary>It failed, and its host is to blame.</summary>
    Failed,

    /// <summary>It had not failed when its time was up.</summary>
    TooSlow,
}
