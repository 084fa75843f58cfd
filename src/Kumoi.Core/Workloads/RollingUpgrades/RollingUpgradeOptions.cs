using Kumoi.Workloads.Placing;

namespace Kumoi.Workloads.RollingUpgrades;

/// <summary>What a rolling upgrade does with each host.</summary>
public sealed record RollingUpgradeOptions
{
    /// <summary>Tells it from others in the journal. While it is not complete, the same name goes on with it.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// Upgrades a host that is empty and in maintenance; gives its output. After an interruption it may be run again on the same host. Any
    /// exception ends the upgrade.
    /// </summary>
    public required Func<KumoiHost, CancellationToken, Task<IReadOnlyList<object>>> Script { get; init; }

    /// <summary>Whether a host that answers again is what it should be; asked until it is. Null: answering is enough.</summary>
    public Func<KumoiHost, CancellationToken, Task<bool>>? Verify { get; init; }

    /// <summary>How long a host may take to answer, and to be what it should be, when the script has ended.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Whether VMs come back to the host that they were moved from.</summary>
    public bool ReturnVMs { get; init; }

    /// <summary>What must be left on hosts that VMs are moved to.</summary>
    public PlacementLimits Limits { get; init; } = new(1, 0);

    /// <summary>The caller's word for a session that had begun it, and of which nobody here can tell: it does not run any more.</summary>
    public bool IsOwnerKnownDead { get; init; }

    /// <summary>Is told each step before it is done. Must not wait.</summary>
    public Action<KumoiPlanStep>? Begun { get; init; }
}
