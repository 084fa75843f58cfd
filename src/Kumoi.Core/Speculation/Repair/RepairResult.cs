namespace Kumoi.Speculation.Repair;

/// <summary>What became of an unfinished operation.</summary>
public sealed record RepairResult
{
    public required KumoiOperation Operation { get; init; }

    /// <summary>
    /// The operation has ended: exactly one copy of the VM is left. False: it is unfinished still, and <see cref="Message"/> says why.
    /// </summary>
    public required bool IsRepaired { get; init; }

    /// <summary>The host that the VM is on; null where nobody knows.</summary>
    public string? VMHost { get; init; }

    /// <summary>What was found and done.</summary>
    public required string Message { get; init; }

    /// <summary>Hosts that do not answer, and may hold a paused copy that cannot start by itself.</summary>
    public IReadOnlyList<string> Unreachable { get; init; } = [];

    public override string ToString() => Message;
}
