using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// What the source has of a VM that is to be moved. Of the VM only what the move goes by: its figures would have to be asked of QEMU.
/// </summary>
/// <param name="Name">As it is now.</param>
/// <param name="State">As it is now.</param>
/// <param name="IsPersistent">It has a definition.</param>
/// <param name="IsAutostart">Its host starts it with itself.</param>
internal sealed record MigrationSubject(string Name, PowerState State, bool IsPersistent, bool IsAutostart)
{
    /// <summary>Another job runs on it. Then the rest was not read.</summary>
    public bool IsBusy { get; private init; }

    /// <summary>Why its definition cannot listen at another host; null: it can.</summary>
    public MigrationObstacle? Listening { get; private init; }

    /// <summary>What it is at the target, where its disks are others; else null.</summary>
    public TargetDefinitions? Definitions { get; private init; }

    /// <summary>All at once. Blocks.</summary>
    public static MigrationSubject Read(LibvirtConnection connection, Guid id, MigrationOptions options)
    {
        using var domain = connection.GetDomain(id);
        var subject = new MigrationSubject(
            domain.Name, ReadState(connection, domain), VMDefiner.IsPersistent(connection, domain), HostBoundState.IsAutostart(domain));
        return DomainJob.Read(connection, domain) is not null
            ? subject with { IsBusy = true }
            : subject with
            {
                Listening = MigrationJudge.JudgeListening(DomainCalls.ReadMigratable(connection, domain))
                    .FirstOrDefault(static obstacle => obstacle.IsFatal),
                Definitions = options.Disks.Count == 0 ? null
                    : TargetDefinitions.Read(connection, id, subject.IsPersistent, options.Disks),
            };
    }

    /// <summary>libvirt-domain: virDomainGetState.</summary>
    private static unsafe PowerState ReadState(LibvirtConnection connection, DomainHandle domain)
    {
        int state;
        int reason;
        return NativeDomain.virDomainGetState(domain, &state, &reason, 0) == 0
            ? VMStats.ToPowerState(state)
            : throw connection.Failed($"read VM '{domain.Name}'");
    }
}
