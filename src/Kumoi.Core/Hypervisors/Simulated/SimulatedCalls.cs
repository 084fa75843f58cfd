using Kumoi.Hypervisors.Simulated.Connections;
using Kumoi.Hypervisors.Simulated.Definitions;
using Kumoi.Hypervisors.Simulated.FaultTolerance;
using Kumoi.Hypervisors.Simulated.Hosts;
using Kumoi.Hypervisors.Simulated.Migrations;
using Kumoi.Hypervisors.Simulated.Networks;
using Kumoi.Hypervisors.Simulated.Power;
using Kumoi.Hypervisors.Simulated.Reading;
using Kumoi.Hypervisors.Simulated.Snapshots;
using Kumoi.Hypervisors.Simulated.Storage;

namespace Kumoi.Hypervisors.Simulated;

/// <summary>What the driver does for each call, by area. Every call takes the fleet's delay, and then happens at once.</summary>
internal static class SimulatedCalls
{
    public static CallTable<SimulatedLink> Table { get; } = new(
        "simulated",
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
        QemuCalls.AddTo);
}
