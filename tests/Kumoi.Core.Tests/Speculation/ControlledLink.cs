using Kumoi.Hypervisors;

namespace Kumoi.Tests.Speculation;

/// <summary>A link whose changes, and whose reads of a VM's place, go through a <see cref="Controller"/>.</summary>
internal sealed class ControlledLink(IHypervisorLink inner, Controller controller) : IHypervisorLink
{
    public string Uri => inner.Uri;

    public string HostName => inner.HostName;

    public Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken) => inner.ReadHostAsync(includeVMs, cancellationToken);

    public Task<IReadOnlyList<VMReading>> ReadVMsAsync(CancellationToken cancellationToken) => inner.ReadVMsAsync(cancellationToken);

    public Task<VMReading?> FindVMAsync(Guid id, CancellationToken cancellationToken) =>
        Call("find", () => inner.FindVMAsync(id, cancellationToken));

    public Task<VMReading?> FindVMAsync(string name, CancellationToken cancellationToken) => inner.FindVMAsync(name, cancellationToken);

    public Task<string> ReadXmlAsync(Guid id, CancellationToken cancellationToken) => Call("xml", () => inner.ReadXmlAsync(id, cancellationToken));

    public Task<string> ReadDefinitionAsync(Guid id, CancellationToken cancellationToken) =>
        Call("definition", () => inner.ReadDefinitionAsync(id, cancellationToken));

    public Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken) =>
        Call("define", () => inner.DefineAsync(spec, operation, cancellationToken));

    public Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken) =>
        Call("undo", () => inner.UndoDefineAsync(operation, cancellationToken));

    public Task StartAsync(Guid id, bool paused, OperationId operation, CancellationToken cancellationToken) =>
        controller.CallAsync(HostName, "start", () => inner.StartAsync(id, paused, operation, cancellationToken));

    public Task ShutdownAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => inner.ShutdownAsync(id, operation, cancellationToken);

    public Task DestroyAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        controller.CallAsync(HostName, "destroy", () => inner.DestroyAsync(id, operation, cancellationToken));

    public Task RebootAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => inner.RebootAsync(id, operation, cancellationToken);

    public Task ResetAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => inner.ResetAsync(id, operation, cancellationToken);

    public Task SuspendAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => inner.SuspendAsync(id, operation, cancellationToken);

    public Task ResumeAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        controller.CallAsync(HostName, "resume", () => inner.ResumeAsync(id, operation, cancellationToken));

    public Task DiscardSavedStateAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        controller.CallAsync(HostName, "discard", () => inner.DiscardSavedStateAsync(id, operation, cancellationToken));

    public Task UndefineAsync(Guid id, bool removeVolumes, OperationId operation, CancellationToken cancellationToken) =>
        controller.CallAsync(HostName, "undefine", () => inner.UndefineAsync(id, removeVolumes, operation, cancellationToken));

    public Task<VMReading> MigrateAsync(
        Guid id, IHypervisorLink target, MigrationOptions options, IProgress<MigrationProgress>? progress, OperationId operation, CancellationToken cancellationToken) =>
        Call("migrate", () => inner.MigrateAsync(id, ((ControlledLink)target).Inner, options, progress, operation, cancellationToken));

    public Task<VMPlace> ReadPlaceAsync(Guid id, CancellationToken cancellationToken) => Call("place", () => inner.ReadPlaceAsync(id, cancellationToken));

    public Task<MigrationNeeds> ReadMigrationNeedsAsync(Guid id, MigrationOptions options, CancellationToken cancellationToken) =>
        Call("needs", () => inner.ReadMigrationNeedsAsync(id, options, cancellationToken));

    public Task<IReadOnlyList<MigrationObstacle>> CheckMigrationTargetAsync(MigrationNeeds needs, CancellationToken cancellationToken) =>
        Call("check", () => inner.CheckMigrationTargetAsync(needs, cancellationToken));

    public Task<IOutgoingMigration> BeginMigrationAsync(Guid id, MigrationPlan plan, CancellationToken cancellationToken) => Call<IOutgoingMigration>(
        "begin",
        async () =>
        {
            var outgoing = await inner.BeginMigrationAsync(id, plan, cancellationToken);
            controller.Hold(outgoing);
            return new Outgoing(outgoing, controller, HostName);
        });

    public Task<IIncomingMigration> PrepareMigrationAsync(MigrationOffer offer, int replica, CancellationToken cancellationToken) => Call<IIncomingMigration>(
        "prepare",
        async () =>
        {
            var incoming = await inner.PrepareMigrationAsync(offer, replica, cancellationToken);
            controller.Hold(incoming);
            return new Incoming(incoming, controller);
        });

    public Task<string?> FindHostStateAsync(Guid id, CancellationToken cancellationToken) =>
        Call("host state", () => inner.FindHostStateAsync(id, cancellationToken));

    public Task MarkAsync(Guid id, SpeculationMark? mark, CancellationToken cancellationToken) =>
        controller.CallAsync(HostName, mark is null ? "unmark" : "mark", () => inner.MarkAsync(id, mark, cancellationToken));

    public Task<IReadOnlyList<StoragePoolReading>> ReadPoolsAsync(CancellationToken cancellationToken) => inner.ReadPoolsAsync(cancellationToken);

    public Task<IReadOnlyList<MarkedVM>> ReadMarkedAsync(CancellationToken cancellationToken) => inner.ReadMarkedAsync(cancellationToken);

    public Task<bool> RemoveCopyAsync(Guid id, CopyRemoval removal, CancellationToken cancellationToken) => Call(
        removal.Kind switch { CopyRemovalKind.Stop => "destroy", CopyRemovalKind.Undefine => "undefine", _ => "undo" },
        () => inner.RemoveCopyAsync(id, removal, cancellationToken));

    public Task<string> ReadHostIdAsync(CancellationToken cancellationToken) => inner.ReadHostIdAsync(cancellationToken);

    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => inner.WatchAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private IHypervisorLink Inner => inner;

    private Task<T> Call<T>(string name, Func<Task<T>> call) => controller.CallAsync(HostName, name, call);

    private sealed class Outgoing(IOutgoingMigration inner, Controller controller, string host) : IOutgoingMigration
    {
        public MigrationOffer Offer => inner.Offer;

        public Task<IReadOnlyList<IIncomingMigration>> PerformAsync(
            IReadOnlyList<IIncomingMigration> targets, ReplicaBudget budget, IProgress<ReplicaProgress>? progress, CancellationToken cancellationToken) =>
            controller.CallAsync<IReadOnlyList<IIncomingMigration>>(
                host,
                "perform",
                async () =>
                {
                    var done = await inner.PerformAsync([.. targets.Cast<Incoming>().Select(target => target.Inner)], budget, progress, cancellationToken);
                    return [.. done.Select(incoming => targets.Cast<Incoming>().First(target => ReferenceEquals(target.Inner, incoming)))];
                });

        public Task ConfirmAsync(bool cancelled, CancellationToken cancellationToken) =>
            controller.CallAsync(host, cancelled ? "take back" : "confirm", () => inner.ConfirmAsync(cancelled, cancellationToken));

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    private sealed class Incoming(IIncomingMigration inner, Controller controller) : IIncomingMigration
    {
        public IIncomingMigration Inner => inner;

        public string HostName => inner.HostName;

        public Task FinishAsync(CancellationToken cancellationToken) => controller.CallAsync(HostName, "finish", () => inner.FinishAsync(cancellationToken));

        public Task AbandonAsync(CancellationToken cancellationToken) => controller.CallAsync(HostName, "abandon", () => inner.AbandonAsync(cancellationToken));

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
