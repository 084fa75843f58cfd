namespace Kumoi;

/// <summary>Kinds of operations that a host is relied on for, each with estimates of its own.</summary>
public enum ReliabilityKind
{
    /// <summary>Of a kind that this version does not know.</summary>
    Other = 0,

    /// <summary>Taking a VM that runs on another host: single migrations, and each replica of one to several targets.</summary>
    Migration,

    /// <summary>Starting a VM.</summary>
    PowerOn,
}
