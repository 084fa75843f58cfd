using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Snapshots;

/// <summary>Makes snapshots of VMs.</summary>
internal static class SnapshotMaking
{
    // virDomainSnapshotCreateFlags
    private const uint DisksOnly = 1 << 4;
    private const uint Quiesce = 1 << 6;
    private const uint AllDisksOrNone = 1 << 7;
    private const uint Live = 1 << 8;

    private static readonly AbortableJob Job = new(
        Operation: 6, // VIR_DOMAIN_JOB_OPERATION_SNAPSHOT
        "making the snapshot", "Look with Get-KumoiSnapshot whether it was made.");

    /// <summary>libvirt-domain-snapshot: virDomainSnapshotCreateXML. Cancelled, it waits until it is known what became of it.</summary>
    public static Task<SnapshotReading> MakeAsync(LibvirtLink host, CreateSnapshot call, CancellationToken cancellationToken) =>
        Job.RunAsync(host, call.Id, connection => Make(connection, call), cancellationToken, call.WithMemory ? call.Progress : null);

    private static unsafe SnapshotReading Make(LibvirtConnection connection, CreateSnapshot call)
    {
        using var domain = connection.GetDomain(call.Id);
        ThrowIfExists(connection, domain, call.SnapshotName);
        var isActive = VMDefiner.IsActive(connection, domain);
        if (call.WithMemory && !isActive)
        {
            throw connection.ToException(
                new LibvirtFailure(LibvirtCode.OperationInvalid, LibvirtOrigin.None, 0, "it is off, and has no memory"),
                $"make a snapshot of VM '{domain.Name}' with its memory", CallKind.Read);
        }

        var plan = SnapshotPlan.Make(
            DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain)), call, isActive,
            VolumeStore.ReadDirectories(connection).Keys);
        var flags = plan.Kind is SnapshotKind.Internal ? 0
            : (call.WithMemory ? Live : DisksOnly) | AllDisksOrNone | (call.Quiesce ? Quiesce : 0);
        var pointer = NativeSnapshot.virDomainSnapshotCreateXML(domain, plan.Description.ToString(), flags);
        if (pointer == 0)
        {
            var failure = connection.Failed($"make the snapshot '{call.SnapshotName}' of VM '{domain.Name}'", CallKind.Write);
            if (!failure.OutcomeUnknown)
            {
                ThrowIfExists(connection, domain, call.SnapshotName); // somebody else may have made it meanwhile
            }

            throw failure;
        }

        connection.NoteChange();
        using var snapshot = new SnapshotHandle(pointer, connection.Handle);
        return SnapshotDefinition.Read(SnapshotReader.ReadSecure(connection, snapshot), isCurrent: true);
    }

    private static void ThrowIfExists(LibvirtConnection connection, DomainHandle domain, string name)
    {
        using var existing = SnapshotReader.Find(connection, domain, name);
        if (existing is not null)
        {
            throw new HypervisorException(
                $"'{domain.Name}' on {connection.Label} already has a snapshot '{name}'.", FaultDomain.VM,
                error: HypervisorError.SnapshotExists,
                recommendedAction: "Choose another name, or remove that one with Remove-KumoiSnapshot.");
        }
    }
}
