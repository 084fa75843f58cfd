using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.FaultTolerance;
using Kumoi.Hypervisors.Libvirt.Migrations;
using Kumoi.Hypervisors.Libvirt.Networks;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Reading;
using Kumoi.Hypervisors.Libvirt.Snapshots;
using Kumoi.Hypervisors.Libvirt.Storage;

namespace Kumoi.Hypervisors.Libvirt;

/// <summary>What the driver does for each call, by area.</summary>
internal static class LibvirtCalls
{
    public static CallTable<LibvirtLink> Table { get; } = Fill(new CallTable<LibvirtLink>("libvirt"));

    private static CallTable<LibvirtLink> Fill(CallTable<LibvirtLink> calls)
    {
        ConnectionCalls.AddTo(calls);
        ReadingCalls.AddTo(calls);
        PowerCalls.AddTo(calls);
        DefinitionCalls.AddTo(calls);
        SnapshotCalls.AddTo(calls);
        DiskCalls.AddTo(calls);
        PoolCalls.AddTo(calls);
        VolumeCalls.AddTo(calls);
        AdapterCalls.AddTo(calls);
        NetworkCalls.AddTo(calls);
        MigrationCalls.AddTo(calls);
        CheckpointCalls.AddTo(calls);
        QemuCalls.AddTo(calls);
        StandbyCalls.AddTo(calls);
        return calls;
    }
}
