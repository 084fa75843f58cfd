using Kumoi.Fleets.Journaling;
using Kumoi.Fleets.Maintenance;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Workloads.Maintenance;

/// <summary>
/// Takes hosts out of service and back. The mark is in the journal, so it holds in all sessions: a host that has it gets no VMs, and starts
/// none.
/// </summary>
public static class HostMaintenance
{
    /// <summary>From now on the host gets no VMs. Those that it has stay: <see cref="Evacuation"/> moves them.</summary>
    /// <param name="host">The host.</param>
    /// <param name="rollingUpgrade">The rolling upgrade that does it; null: an admin.</param>
    /// <param name="cancellationToken">Nothing is changed.</param>
    /// <returns>False: it was in maintenance already.</returns>
    /// <exception cref="HypervisorException">There is no journal.</exception>
    /// <exception cref="JournalException">The journal cannot be written.</exception>
    public static Task<bool> SuspendAsync(KumoiConnection host, string? rollingUpgrade, CancellationToken cancellationToken) =>
        MarksOf(host).MarkAsync(host.Name, host.Identity, isIn: true, rollingUpgrade, cancellationToken);

    /// <summary>The host gets VMs again. Those that were moved away stay there: <see cref="VMReturn"/> brings them back.</summary>
    /// <returns>False: it was not in maintenance.</returns>
    /// <inheritdoc cref="SuspendAsync"/>
    public static Task<bool> ResumeAsync(KumoiConnection host, CancellationToken cancellationToken) =>
        MarksOf(host).MarkAsync(host.Name, host.Identity, isIn: false, rollingUpgrade: null, cancellationToken);

    private static MaintenanceMarks MarksOf(KumoiConnection host) => host.Maintenance ?? throw NoJournal();

    internal static FleetJournal JournalOf(KumoiConnection host) => host.Journal ?? throw NoJournal();

    private static HypervisorException NoJournal() => new(
        "Maintenance needs a journal, which all sessions share.", error: HypervisorError.NotSupported,
        recommendedAction: "Give the fleet a journal.");
}
