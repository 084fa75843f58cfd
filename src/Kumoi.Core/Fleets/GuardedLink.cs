using System.Runtime.CompilerServices;
using Kumoi.Hypervisors;

namespace Kumoi.Fleets;

/// <summary>
/// The link that a fleet hands out: every call goes through the host's policy and throttle. A link that turned out to be
/// lost is closed and opened again at the next call.
/// </summary>
internal sealed class GuardedLink(
    string uri, string hostName, ICallPolicy policy, CallThrottle throttle, Func<CancellationToken, Task<IHypervisorLink>> open)
    : IHypervisorLink
{
    private readonly SemaphoreSlim _opening = new(1);
    private IHypervisorLink? _inner;
    private bool _disposed;
    private bool _wasLost;

    public string Uri => uri;

    public string HostName => hostName;

    /// <summary>Whether the link is open as far as is known without a call.</summary>
    public bool IsOpen => Volatile.Read(ref _inner) is not null;

    /// <summary>Is told when the link is lost, and when it is open again. Must not wait.</summary>
    public Action<LinkChange>? Watcher { get; set; }

    /// <summary>Opens the link, or fails as <see cref="CallKind.Connect"/>.</summary>
    public Task OpenAsync(CancellationToken cancellationToken) => EnsureOpenAsync(cancellationToken);

    /// <summary>The name that the host gives itself.</summary>
    public string? ReportedName => Volatile.Read(ref _inner)?.HostName;

    public Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.ReadHostAsync(includeVMs, token), cancellationToken);

    public Task<IReadOnlyList<VMReading>> ReadVMsAsync(CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.ReadVMsAsync(token), cancellationToken);

    public Task<VMReading?> FindVMAsync(Guid id, CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.FindVMAsync(id, token), cancellationToken);

    public Task<VMReading?> FindVMAsync(string name, CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.FindVMAsync(name, token), cancellationToken);

    public Task<string> ReadXmlAsync(Guid id, CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.ReadXmlAsync(id, token), cancellationToken);

    public Task<string> ReadDefinitionAsync(Guid id, CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.ReadDefinitionAsync(id, token), cancellationToken);

    public Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken) =>
        Run(spec.CopyDisks ? CallKind.Job : CallKind.Write, (link, token) => link.DefineAsync(spec, operation, token), cancellationToken);

    public Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken) =>
        Run(CallKind.Write, (link, token) => link.UndoDefineAsync(operation, token), cancellationToken);

    public Task StartAsync(Guid id, bool paused, OperationId operation, CancellationToken cancellationToken) =>
        Write((link, token) => link.StartAsync(id, paused, operation, token), cancellationToken);

    public Task ShutdownAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Write((link, token) => link.ShutdownAsync(id, operation, token), cancellationToken);

    public Task DestroyAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Write((link, token) => link.DestroyAsync(id, operation, token), cancellationToken);

    public Task RebootAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Write((link, token) => link.RebootAsync(id, operation, token), cancellationToken);

    public Task ResetAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Write((link, token) => link.ResetAsync(id, operation, token), cancellationToken);

    public Task SuspendAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Write((link, token) => link.SuspendAsync(id, operation, token), cancellationToken);

    public Task ResumeAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Write((link, token) => link.ResumeAsync(id, operation, token), cancellationToken);

    public Task DiscardSavedStateAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Write((link, token) => link.DiscardSavedStateAsync(id, operation, token), cancellationToken);

    public Task UndefineAsync(Guid id, bool removeVolumes, OperationId operation, CancellationToken cancellationToken) =>
        Write((link, token) => link.UndefineAsync(id, removeVolumes, operation, token), cancellationToken);

    public async Task<VMReading> MigrateAsync(
        Guid id,
        IHypervisorLink target,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        OperationId operation,
        CancellationToken cancellationToken)
    {
        // The target's driver link is what the source's driver needs; a target that cannot be reached fails here, as the target.
        var other = target is GuardedLink guarded
            ? await guarded.EnsureOpenAsync(cancellationToken)
            : target;
        return await Run(CallKind.Job, (link, token) => link.MigrateAsync(id, other, options, progress, operation, token), cancellationToken);
    }

    public Task<VMPlace> ReadPlaceAsync(Guid id, CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.ReadPlaceAsync(id, token), cancellationToken);

    public Task<MigrationNeeds> ReadMigrationNeedsAsync(Guid id, MigrationOptions options, CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.ReadMigrationNeedsAsync(id, options, token), cancellationToken);

    public Task<IReadOnlyList<MigrationObstacle>> CheckMigrationTargetAsync(MigrationNeeds needs, CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.CheckMigrationTargetAsync(needs, token), cancellationToken);

    public Task<IOutgoingMigration> BeginMigrationAsync(Guid id, MigrationPlan plan, CancellationToken cancellationToken) =>
        Run(CallKind.Write, (link, token) => link.BeginMigrationAsync(id, plan, token), cancellationToken);

    public Task<IIncomingMigration> PrepareMigrationAsync(MigrationOffer offer, int replica, CancellationToken cancellationToken) =>
        Run(CallKind.Write, (link, token) => link.PrepareMigrationAsync(offer, replica, token), cancellationToken);

    public Task<string?> FindHostStateAsync(Guid id, CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.FindHostStateAsync(id, token), cancellationToken);

    public Task MarkAsync(Guid id, SpeculationMark? mark, CancellationToken cancellationToken) =>
        Write((link, token) => link.MarkAsync(id, mark, token), cancellationToken);

    public Task<IReadOnlyList<StoragePoolReading>> ReadPoolsAsync(CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.ReadPoolsAsync(token), cancellationToken);

    public Task<IReadOnlyList<MarkedVM>> ReadMarkedAsync(CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.ReadMarkedAsync(token), cancellationToken);

    public Task<bool> RemoveCopyAsync(Guid id, CopyRemoval removal, CancellationToken cancellationToken) =>
        Run(CallKind.Write, (link, token) => link.RemoveCopyAsync(id, removal, token), cancellationToken);

    public Task<string> ReadHostIdAsync(CancellationToken cancellationToken) =>
        Run(CallKind.Read, (link, token) => link.ReadHostIdAsync(token), cancellationToken);

    public async IAsyncEnumerable<VMLifecycleEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var link = await EnsureOpenAsync(cancellationToken);
        await foreach (var happened in link.WatchAsync(cancellationToken))
        {
            yield return happened;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _opening.WaitAsync();
        try
        {
            _disposed = true;
            if (Interlocked.Exchange(ref _inner, null) is { } link)
            {
                await link.DisposeAsync();
            }
        }
        finally
        {
            _opening.Release();
        }
    }

    private Task Write(Func<IHypervisorLink, CancellationToken, Task> call, CancellationToken cancellationToken) => Run(
        CallKind.Write,
        async (link, token) =>
        {
            await call(link, token);
            return true;
        },
        cancellationToken);

    private Task<T> Run<T>(CallKind kind, Func<IHypervisorLink, CancellationToken, Task<T>> call, CancellationToken cancellationToken) =>
        policy.RunAsync(
            kind,
            kind is CallKind.Job ? throttle.EnterJobAsync : throttle.EnterAsync,
            async token =>
            {
                var link = Volatile.Read(ref _inner) ?? await CurrentAsync(token);
                try
                {
                    return await call(link, token);
                }
                catch (HypervisorException e) when (e.Error is HypervisorError.ConnectionFailed && kind is not CallKind.Job)
                {
                    // A job may have lost its target, and closing this link would end all other jobs on it. The next call tells.
                    await DropAsync(link, e);
                    throw;
                }
            },
            cancellationToken);

    private Task<IHypervisorLink> EnsureOpenAsync(CancellationToken cancellationToken) =>
        policy.RunAsync(CallKind.Connect, throttle.EnterAsync, CurrentAsync, cancellationToken);

    private async Task<IHypervisorLink> CurrentAsync(CancellationToken cancellationToken)
    {
        await _opening.WaitAsync(cancellationToken);
        try
        {
            if (_disposed)
            {
                throw new HypervisorException(
                    $"{hostName} is disconnected.", FaultDomain.Host, error: HypervisorError.ConnectionFailed,
                    recommendedAction: "Connect again with Connect-KumoiHost.");
            }

            if (_inner is null)
            {
                _inner = await open(cancellationToken);
                if (_wasLost)
                {
                    _wasLost = false;
                    Watcher?.Invoke(new LinkChange(Loss: null));
                }
            }

            return _inner;
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task DropAsync(IHypervisorLink lost, HypervisorException loss)
    {
        if (ReferenceEquals(Interlocked.CompareExchange(ref _inner, null, lost), lost))
        {
            Volatile.Write(ref _wasLost, true);
            Watcher?.Invoke(new LinkChange(loss));
            await lost.DisposeAsync();
        }
    }
}
