using Kumoi.Fleets.Maintenance;
using Kumoi.Journal;

namespace Kumoi.Workloads.Maintenance;

/// <summary>A host's latest stay in maintenance, as the journal has it: from its mark on, also after it is back in service.</summary>
public sealed class MaintenanceStay
{
    /// <summary>The VMs that were moved away, and to where; null: this was not written any more.</summary>
    private readonly Dictionary<Guid, string?> _away = [];

    private MaintenanceStay()
    {
    }

    /// <summary>The rolling upgrade that began it; null: an admin did.</summary>
    public string? RollingUpgrade { get; private init; }

    /// <summary>Null: the host was never in maintenance.</summary>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public static async Task<MaintenanceStay?> ReadAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        MaintenanceStay? stay = null;
        await foreach (var happened in HostMaintenance.JournalOf(host)
            .ReadEventsAsync(new EventQuery { Kinds = [KumoiEventKind.Maintenance] }, cancellationToken))
        {
            if (MaintenanceRecord.Parse(happened) is not { } record || record.Host != host.Identity)
            {
                continue;
            }

            switch (record)
            {
                case { Step: MaintenanceStep.Suspended }:
                    stay = new MaintenanceStay { RollingUpgrade = record.RollingUpgrade };
                    break;
                case { Step: MaintenanceStep.Leaving or MaintenanceStep.Left, VM: { } vm }:
                    stay?._away[vm] = record.Target;
                    break;
                case { Step: MaintenanceStep.Returned, VM: { } vm }:
                    stay?._away.Remove(vm);
                    break;
            }
        }

        return stay;
    }

    /// <summary>
    /// Whether the VM, which is on that host now, is there because of the maintenance. One that was moved on since stays where it is.
    /// </summary>
    internal bool IsAway(Guid vm, KumoiConnection at) => _away.TryGetValue(vm, out var target) && (target is null || target == at.Identity);
}
