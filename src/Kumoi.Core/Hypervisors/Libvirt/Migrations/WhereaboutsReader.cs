using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Reads what a host has of a VM. Blocks.</summary>
internal static unsafe class WhereaboutsReader
{
    private const int InShutdown = 4; // virDomainState: also of one that is being destroyed

    // virDomainPausedReason
    private const int PausedByMigration = 2;
    private const int PausedWhileStarting = 11;

    public static VMWhereabouts Read(LibvirtConnection connection, Guid id)
    {
        using var domain = connection.FindDomain(id);
        return domain is null ? VMWhereabouts.Absent : Read(connection, domain);
    }

    /// <summary>libvirt-domain: virDomainGetState. Absent, too, if it went away since it was found.</summary>
    public static VMWhereabouts Read(LibvirtConnection connection, DomainHandle domain)
    {
        int state;
        int reason;
        if (NativeDomain.virDomainGetState(domain, &state, &reason, 0) != 0)
        {
            var failure = NativeError.Last();
            return failure.Code == LibvirtCode.NoDomain
                ? VMWhereabouts.Absent
                : throw connection.ToException(failure, $"read VM '{domain.Name}'", CallKind.Read);
        }

        return VMStats.ToPowerState(state) switch
        {
            _ when state == InShutdown => VMWhereabouts.Stopping,
            PowerState.Paused => reason is PausedByMigration or PausedWhileStarting ? VMWhereabouts.MigrationPaused : VMWhereabouts.Paused,
            PowerState.Shutoff or PowerState.Crashed => VMWhereabouts.Off,
            _ => VMWhereabouts.Running,
        };
    }
}
