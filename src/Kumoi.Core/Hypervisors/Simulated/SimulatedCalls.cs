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
    public static CallTable<SimulatedLink> Table { get; } = Fill(new CallTable<SimulatedLink>("simulated"));

    private static CallTable<SimulatedLink> Fill(CallTable<SimulatedLink> calls)
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
        return calls;
    }
}
