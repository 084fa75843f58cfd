using System.Runtime.CompilerServices;
using Kumoi.Hypervisors;

namespace Kumoi.Tests.Fleets;

/// <summary>A link whose calls wait until the test lets them end, and which counts them. Only reads, starts and migrations are there.</summary>
internal sealed class GateLink(GateDriver driver, HostAddress address) : IHypervisorLink
{
    public string Uri => address.Uri;

    public string HostName => driver.ReportedName ?? address.ExpectedName;

    public bool IsClosed { get; private set; }

    public async Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken)
    {
        await driver.CallAsync(HostName, cancellationToken);
        return new HostReading { CapturedAt = ManualTime.Start, HostName = HostName, HypervisorType = "Gate" };
    }

    public Task StartAsync(Guid id, bool paused, OperationId operation, CancellationToken cancellationToken) =>
        driver.CallAsync(HostName, cancellationToken);

    public async Task<VMReading> MigrateAsync(
        Guid id, IHypervisorLink target, MigrationOptions options, IProgress<MigrationProgress>? progress, OperationId operation, CancellationToken cancellationToken)
    {
        await driver.CallAsync(HostName, cancellationToken);
        return new VMReading { CapturedAt = ManualTime.Start, Id = id, Name = target.HostName };
    }

    public Task<string?> FindHostStateAsync(Guid id, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task MarkAsync(Guid id, SpeculationMark? mark, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<StoragePoolReading>> ReadPoolsAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<MarkedVM>> ReadMarkedAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<bool> RemoveCopyAsync(Guid id, CopyRemoval removal, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<string> ReadHostIdAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public async IAsyncEnumerable<VMLifecycleEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await driver.CallAsync(HostName, cancellationToken);
        yield break;
    }

    public Task<VMPlace> ReadPlaceAsync(Guid id, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<MigrationNeeds> ReadMigrationNeedsAsync(Guid id, MigrationOptions options, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<IReadOnlyList<MigrationObstacle>> CheckMigrationTargetAsync(MigrationNeeds needs, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<IOutgoingMigration> BeginMigrationAsync(Guid id, MigrationPlan plan, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IIncomingMigration> PrepareMigrationAsync(MigrationOffer offer, int replica, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<IReadOnlyList<VMReading>> ReadVMsAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<VMReading?> FindVMAsync(Guid id, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<VMReading?> FindVMAsync(string name, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<string> ReadXmlAsync(Guid id, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<string> ReadDefinitionAsync(Guid id, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task ShutdownAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task DestroyAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task RebootAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task ResetAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task SuspendAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task ResumeAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task DiscardSavedStateAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task UndefineAsync(Guid id, bool removeVolumes, OperationId operation, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync()
    {
        IsClosed = true;
        return ValueTask.CompletedTask;
    }
}
