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
    public static CallTable<LibvirtLink> Table { get; } = new(
        "libvirt",
        ConnectionCalls.AddTo,
        ReadingCalls.AddTo,
        PowerCalls.AddTo,
        DefinitionCalls.AddTo,
        SnapshotCalls.AddTo,
        DiskCalls.AddTo,
        PoolCalls.AddTo,
        VolumeCalls.AddTo,
        AdapterCalls.AddTo,
        NetworkCalls.AddTo,
        MigrationCalls.AddTo,
        CheckpointCalls.AddTo,
        QemuCalls.AddTo,
        StandbyCalls.AddTo);
}
