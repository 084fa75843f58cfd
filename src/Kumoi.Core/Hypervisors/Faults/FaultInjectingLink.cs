namespace Kumoi.Hypervisors.Faults;

/// <summary>Any link, with the session's faults injected.</summary>
internal sealed class FaultInjectingLink(IHypervisorLink inner, string hostName, FaultPlan plan) : IHypervisorLink
{
    public string Uri => inner.Uri;

    public string HostName => inner.HostName;

    /// <summary>The driver's own link: a migration hands it to the source's driver.</summary>
    public IHypervisorLink Inner => inner;

    public Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken) =>
        Run(FaultOperation.Read, null, () => inner.ReadHostAsync(includeVMs, cancellationToken), cancellationToken);

    public Task<IReadOnlyList<VMReading>> ReadVMsAsync(CancellationToken cancellationToken) =>
        Run(FaultOperation.Read, null, () => inner.ReadVMsAsync(cancellationToken), cancellationToken);

    public Task<VMReading?> FindVMAsync(Guid id, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Read, id, () => inner.FindVMAsync(id, cancellationToken), cancellationToken);

    public Task<VMReading?> FindVMAsync(string name, CancellationToken cancellationToken) =>
        Run(FaultOperation.Read, name, () => inner.FindVMAsync(name, cancellationToken), cancellationToken);

    public Task<string> ReadXmlAsync(Guid id, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Read, id, () => inner.ReadXmlAsync(id, cancellationToken), cancellationToken);

    public Task<string> ReadDefinitionAsync(Guid id, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Read, id, () => inner.ReadDefinitionAsync(id, cancellationToken), cancellationToken);

    public Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken) =>
        Run(FaultOperation.Define, spec.Name, () => inner.DefineAsync(spec, operation, cancellationToken), cancellationToken);

    public Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken) =>
        Run(FaultOperation.Stop, null, () => inner.UndoDefineAsync(operation, cancellationToken), cancellationToken);

    public Task StartAsync(Guid id, bool paused, OperationId operation, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Start, id, () => inner.StartAsync(id, paused, operation, cancellationToken), cancellationToken);

    public Task ShutdownAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Stop, id, () => inner.ShutdownAsync(id, operation, cancellationToken), cancellationToken);

    public Task DestroyAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Stop, id, () => inner.DestroyAsync(id, operation, cancellationToken), cancellationToken);

    public Task RebootAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Start, id, () => inner.RebootAsync(id, operation, cancellationToken), cancellationToken);

    public Task ResetAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Start, id, () => inner.ResetAsync(id, operation, cancellationToken), cancellationToken);

    public Task SuspendAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Stop, id, () => inner.SuspendAsync(id, operation, cancellationToken), cancellationToken);

    public Task ResumeAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Start, id, () => inner.ResumeAsync(id, operation, cancellationToken), cancellationToken);

    public Task DiscardSavedStateAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Define, id, () => inner.DiscardSavedStateAsync(id, operation, cancellationToken), cancellationToken);

    public Task UndefineAsync(Guid id, bool removeVolumes, OperationId operation, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Define, id, () => inner.UndefineAsync(id, removeVolumes, operation, cancellationToken), cancellationToken);

    public async Task<VMReading> MigrateAsync(
        Guid id,
        IHypervisorLink target,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        OperationId operation,
        CancellationToken cancellationToken) => await plan.RunAsync(
            FaultOperation.Migrate, hostName, (target as FaultInjectingLink)?.FleetName ?? target.HostName, await NameOf(id, cancellationToken),
            () => inner.MigrateAsync(id, (target as FaultInjectingLink)?.Inner ?? target, options, progress, operation, cancellationToken),
            cancellationToken);

    public Task<VMPlace> ReadPlaceAsync(Guid id, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Read, id, () => inner.ReadPlaceAsync(id, cancellationToken), cancellationToken);

    public Task<MigrationNeeds> ReadMigrationNeedsAsync(Guid id, MigrationOptions options, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Read, id, () => inner.ReadMigrationNeedsAsync(id, options, cancellationToken), cancellationToken);

    public Task<IReadOnlyList<MigrationObstacle>> CheckMigrationTargetAsync(MigrationNeeds needs, CancellationToken cancellationToken) =>
        Run(FaultOperation.Read, needs.VM.Name, () => inner.CheckMigrationTargetAsync(needs, cancellationToken), cancellationToken);

    public Task<IOutgoingMigration> BeginMigrationAsync(Guid id, MigrationPlan plan, CancellationToken cancellationToken) =>
        RunOn<IOutgoingMigration>(
            FaultOperation.Migrate, id, async () => new FaultInjectingMigration.Outgoing(await inner.BeginMigrationAsync(id, plan, cancellationToken)),
            cancellationToken);

    public Task<IIncomingMigration> PrepareMigrationAsync(MigrationOffer offer, int replica, CancellationToken cancellationToken) =>
        Run<IIncomingMigration>(
            FaultOperation.Migrate, offer.Name,
            async () => new FaultInjectingMigration.Incoming(
                await inner.PrepareMigrationAsync(offer, replica, cancellationToken), hostName, offer.Name, plan),
            cancellationToken);

    public Task<string?> FindHostStateAsync(Guid id, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Read, id, () => inner.FindHostStateAsync(id, cancellationToken), cancellationToken);

    public Task MarkAsync(Guid id, SpeculationMark? mark, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Define, id, () => inner.MarkAsync(id, mark, cancellationToken), cancellationToken);

    public Task<IReadOnlyList<StoragePoolReading>> ReadPoolsAsync(CancellationToken cancellationToken) =>
        Run(FaultOperation.Read, null, () => inner.ReadPoolsAsync(cancellationToken), cancellationToken);

    public Task<IReadOnlyList<MarkedVM>> ReadMarkedAsync(CancellationToken cancellationToken) =>
        Run(FaultOperation.Read, null, () => inner.ReadMarkedAsync(cancellationToken), cancellationToken);

    public Task<bool> RemoveCopyAsync(Guid id, CopyRemoval removal, CancellationToken cancellationToken) =>
        RunOn(FaultOperation.Stop, id, () => inner.RemoveCopyAsync(id, removal, cancellationToken), cancellationToken);

    public Task<string> ReadHostIdAsync(CancellationToken cancellationToken) =>
        Run(FaultOperation.Read, null, () => inner.ReadHostIdAsync(cancellationToken), cancellationToken);

    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => inner.WatchAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private string FleetName => hostName;

    private Task<T> Run<T>(FaultOperation operation, string? vm, Func<Task<T>> call, CancellationToken cancellationToken) =>
        plan.IsEmpty ? call() : plan.RunAsync(operation, hostName, null, vm, call, cancellationToken);

    private async Task<T> RunOn<T>(FaultOperation operation, Guid id, Func<Task<T>> call, CancellationToken cancellationToken) =>
        plan.IsEmpty ? await call() : await plan.RunAsync(operation, hostName, null, await NameOf(id, cancellationToken), call, cancellationToken);

    private Task RunOn(FaultOperation operation, Guid id, Func<Task> call, CancellationToken cancellationToken) =>
        RunOn(operation, id, async () => { await call(); return true; }, cancellationToken);

    private async Task<string?> NameOf(Guid id, CancellationToken cancellationToken) =>
        plan.NeedsVMNames ? (await inner.FindVMAsync(id, cancellationToken))?.Name : null;
}
