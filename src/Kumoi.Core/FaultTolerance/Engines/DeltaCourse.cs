using Kumoi.FaultTolerance.Gates;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>Checkpoint after checkpoint from one primary into one standby.</summary>
internal sealed class DeltaCourse : IAsyncDisposable
{
    public required IHypervisorLink Backup { get; init; }

    /// <summary>Which standby it is.</summary>
    public required int Number { get; init; }

    /// <summary>Its domain.</summary>
    public required Guid Id { get; init; }

    /// <summary>Tells it from others of that number.</summary>
    public required string Attempt { get; init; }

    public required ConsoleGate Console { get; init; }

    public required QemuMigration Migration { get; init; }

    /// <summary>The primary's memory.</summary>
    public required SharedMemory Source { get; init; }

    /// <summary>The standby's memory.</summary>
    public required SharedMemory Target { get; init; }

    public required PageShadow Shadow { get; init; }

    /// <summary>How many checkpoints were tried in it.</summary>
    public int Tries { get; set; }

    /// <summary>Lets go of both sides. The standby and its gate stay.</summary>
    public async ValueTask DisposeAsync()
    {
        Source.Dispose();
        Target.Dispose();
        await Migration.DisposeAsync();
    }
}
