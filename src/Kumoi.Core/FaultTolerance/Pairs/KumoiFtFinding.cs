namespace Kumoi;

/// <summary>What stands in the way of protecting a VM, as it was when the hosts were asked.</summary>
public sealed record KumoiFtFinding
{
    /// <summary>The VM's name.</summary>
    public required string VM { get; init; }

    /// <summary>The host that it is about: the VM's own, or one that was to be its backup.</summary>
    public required string VMHost { get; init; }

    /// <summary>Another host could serve without this one; if false, the VM cannot be protected at all.</summary>
    public bool IsOfBackup { get; init; }

    public required string Message { get; init; }

    /// <summary>What an admin can do about it.</summary>
    public required string RecommendedAction { get; init; }

    public override string ToString() => Message;
}
