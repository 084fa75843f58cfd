using Kumoi.Hypervisors;

namespace Kumoi.Tests.FailureOblivious;

/// <summary>A link whose calls have succeeded at once, with the same task each time: it allocates nothing.</summary>
internal sealed class ReadyLink : IHypervisorLink
{
    private static readonly Task<HostReading> Host = Task.FromResult(
        new HostReading { CapturedAt = ManualTime.Start, HostName = "kvm01", HypervisorType = "Ready" });

    private static readonly Task<VMReading> VM = Task.FromResult(new VMReading { CapturedAt = ManualTime.Start, Id = Guid.Empty, Name = "web" });

    private static readonly Task<VMReading?> Found = Task.FromResult<VMReading?>(VM.Result);

    private static readonly Task<IReadOnlyList<VMReading>> VMs = Task.FromResult<IReadOnlyList<VMReading>>([VM.Result]);

    private static readonly Task<string> Xml = Task.FromResult("<domain/>");

    private static readonly Task<bool> Done = Task.FromResult(true);

    public string Uri => "ready:";

    public string HostName => "kvm01";

    public Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken) => Host;

    public Task<IReadOnlyList<VMReading>> ReadVMsAsync(CancellationToken cancellationToken) => VMs;

    public Task<string> ReadDefinitionAsync(Guid id, CancellationToken cancellationToken) => Xml;

    public Task<VMPlace> ReadPlaceAsync(Guid id, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<MigrationNeeds> ReadMigrationNeedsAsync(Guid id, MigrationOptions options, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<IReadOnlyList<MigrationObstacle>> CheckMigrationTargetAsync(MigrationNeeds needs, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<IOutgoingMigration> BeginMigrationAsync(Guid id, MigrationPlan plan, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IIncomingMigration> PrepareMigrationAsync(MigrationOffer offer, int replica, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<VMReading?> FindVMAsync(Guid id, CancellationToken cancellationToken) => Found;

    public Task<VMReading?> FindVMAsync(string name, CancellationToken cancellationToken) => Found;

    public Task<string> ReadXmlAsync(Guid id, CancellationToken cancellationToken) => Xml;

    public Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken) => VM;

    public Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken) => Done;

    public Task StartAsync(Guid id, bool paused, OperationId operation, CancellationToken cancellationToken) => Done;

    public Task ShutdownAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => Done;

    public Task DestroyAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => Done;

    public Task RebootAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => Done;

    public Task ResetAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => Done;

    public Task SuspendAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => Done;

    public Task ResumeAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => Done;

    public Task DiscardSavedStateAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => Done;

    public Task UndefineAsync(Guid id, bool removeVolumes, OperationId operation, CancellationToken cancellationToken) => Done;

    public Task<VMReading> MigrateAsync(
        Guid id, IHypervisorLink target, MigrationOptions options, IProgress<MigrationProgress>? progress, OperationId operation, CancellationToken cancellationToken) =>
        VM;

    public Task<string?> FindHostStateAsync(Guid id, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task MarkAsync(Guid id, SpeculationMark? mark, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<StoragePoolReading>> ReadPoolsAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<MarkedVM>> ReadMarkedAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<bool> RemoveCopyAsync(Guid id, CopyRemoval removal, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<string> ReadHostIdAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
