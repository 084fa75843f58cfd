using System.Runtime.CompilerServices;
using Kumoi.Hypervisors;

namespace Kumoi.FailureOblivious;

/// <summary>
/// Any link, with failures masked while a <see cref="FailureObliviousScope"/> is entered. Without one it hands calls through, and a call
/// that succeeds costs nothing more.
/// </summary>
/// <param name="inner">The link.</param>
/// <param name="hostName">The host's name in the fleet.</param>
internal sealed class FailureObliviousLink(IHypervisorLink inner, string hostName) : IHypervisorLink
{
    public string Uri => inner.Uri;

    public string HostName => inner.HostName;

    public IHypervisorLink Inner => inner;

    /// <summary>For <see cref="MaskMode.LastKnown"/>.</summary>
    public HostReading? LastReading { get; set; }

    /// <summary>What stands in for a reading of the host.</summary>
    public HostReading Stand(MaskMode mode, bool includeVMs) =>
        mode is MaskMode.LastKnown && LastReading is { } last
            ? last with { IsMasked = true }
            : TypedDefault.Of<HostReading>(mode) with { HostName = HostName, VMs = includeVMs ? [] : null };

    public Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken)
    {
        var call = inner.ReadHostAsync(includeVMs, cancellationToken);
        if (FailureObliviousScope.Current is not { } scope)
        {
            return call;
        }

        if (!call.IsCompletedSuccessfully)
        {
            return MaskHostSlow(scope, call, includeVMs);
        }

        LastReading = call.Result;
        return call;
    }

    public Task<IReadOnlyList<VMReading>> ReadVMsAsync(CancellationToken cancellationToken) =>
        Mask(inner.ReadVMsAsync(cancellationToken), "");

    public Task<VMReading?> FindVMAsync(Guid id, CancellationToken cancellationToken) => MaskNull(inner.FindVMAsync(id, cancellationToken), id);

    public Task<VMReading?> FindVMAsync(string name, CancellationToken cancellationToken) => MaskNull(inner.FindVMAsync(name, cancellationToken), name);

    public Task<string> ReadXmlAsync(Guid id, CancellationToken cancellationToken) => Mask(inner.ReadXmlAsync(id, cancellationToken), id);

    /// <summary>Not masked: nothing can be made from a definition that nobody has read.</summary>
    public Task<string> ReadDefinitionAsync(Guid id, CancellationToken cancellationToken) => inner.ReadDefinitionAsync(id, cancellationToken);

    public Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken) =>
        Mask(inner.DefineAsync(spec, operation, cancellationToken), spec.Name);

    // Never masked: who takes what was made for removed makes a second copy.
    public Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken) => inner.UndoDefineAsync(operation, cancellationToken);

    public Task StartAsync(Guid id, bool paused, OperationId operation, CancellationToken cancellationToken) =>
        MaskWrite(inner.StartAsync(id, paused, operation, cancellationToken), id);

    public Task ShutdownAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        MaskWrite(inner.ShutdownAsync(id, operation, cancellationToken), id);

    public Task DestroyAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        MaskWrite(inner.DestroyAsync(id, operation, cancellationToken), id);

    public Task RebootAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        MaskWrite(inner.RebootAsync(id, operation, cancellationToken), id);

    public Task ResetAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        MaskWrite(inner.ResetAsync(id, operation, cancellationToken), id);

    public Task SuspendAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        MaskWrite(inner.SuspendAsync(id, operation, cancellationToken), id);

    public Task ResumeAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        MaskWrite(inner.ResumeAsync(id, operation, cancellationToken), id);

    public Task DiscardSavedStateAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        MaskWrite(inner.DiscardSavedStateAsync(id, operation, cancellationToken), id);

    public Task UndefineAsync(Guid id, bool removeVolumes, OperationId operation, CancellationToken cancellationToken) =>
        MaskWrite(inner.UndefineAsync(id, removeVolumes, operation, cancellationToken), id);

    public Task<VMReading> MigrateAsync(
        Guid id,
        IHypervisorLink target,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        OperationId operation,
        CancellationToken cancellationToken) => Mask(
            inner.MigrateAsync(id, (target as FailureObliviousLink)?.Inner ?? target, options, progress, operation, cancellationToken), id);

    // Nothing of a migration in phases is masked: a masked failure would lie about where the VM runs.
    public Task<VMPlace> ReadPlaceAsync(Guid id, CancellationToken cancellationToken) => inner.ReadPlaceAsync(id, cancellationToken);

    // Nor is a check: a made-up answer would say that all is well.
    public Task<MigrationNeeds> ReadMigrationNeedsAsync(Guid id, MigrationOptions options, CancellationToken cancellationToken) =>
        inner.ReadMigrationNeedsAsync(id, options, cancellationToken);

    public Task<IReadOnlyList<MigrationObstacle>> CheckMigrationTargetAsync(MigrationNeeds needs, CancellationToken cancellationToken) =>
        inner.CheckMigrationTargetAsync(needs, cancellationToken);

    public Task<IOutgoingMigration> BeginMigrationAsync(Guid id, MigrationPlan plan, CancellationToken cancellationToken) =>
        inner.BeginMigrationAsync(id, plan, cancellationToken);

    public Task<IIncomingMigration> PrepareMigrationAsync(MigrationOffer offer, int replica, CancellationToken cancellationToken) =>
        inner.PrepareMigrationAsync(offer, replica, cancellationToken);

    public Task<string?> FindHostStateAsync(Guid id, CancellationToken cancellationToken) => inner.FindHostStateAsync(id, cancellationToken);

    public Task MarkAsync(Guid id, SpeculationMark? mark, CancellationToken cancellationToken) => inner.MarkAsync(id, mark, cancellationToken);

    public Task<IReadOnlyList<StoragePoolReading>> ReadPoolsAsync(CancellationToken cancellationToken) => inner.ReadPoolsAsync(cancellationToken);

    public Task<IReadOnlyList<MarkedVM>> ReadMarkedAsync(CancellationToken cancellationToken) => inner.ReadMarkedAsync(cancellationToken);

    // As with an undo: what is taken for removed must be.
    public Task<bool> RemoveCopyAsync(Guid id, CopyRemoval removal, CancellationToken cancellationToken) => inner.RemoveCopyAsync(id, removal, cancellationToken);

    public Task<string> ReadHostIdAsync(CancellationToken cancellationToken) => inner.ReadHostIdAsync(cancellationToken);

    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => inner.WatchAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private static bool Masks(FailureObliviousScope scope, HypervisorException failure) => !scope.FailsElements && !failure.OutcomeUnknown;

    private async Task<HostReading> MaskHostSlow(FailureObliviousScope scope, Task<HostReading> call, bool includeVMs)
    {
        try
        {
            return LastReading = await call;
        }
        catch (HypervisorException e) when (Masks(scope, e))
        {
            Tell(scope, nameof(ReadHostAsync), "", e);
            return Stand(scope.Mode, includeVMs);
        }
    }

    // Arguments become text only where something failed: a call that succeeds at once allocates nothing.
    private Task<T> Mask<T, TArguments>(Task<T> call, TArguments arguments, [CallerMemberName] string member = "") =>
        call.IsCompletedSuccessfully || FailureObliviousScope.Current is not { } scope ? call : MaskSlow(scope, call, arguments, member);

    private async Task<T> MaskSlow<T, TArguments>(FailureObliviousScope scope, Task<T> call, TArguments arguments, string member)
    {
        try
        {
            return await call;
        }
        catch (HypervisorException e) when (Masks(scope, e))
        {
            Tell(scope, member, arguments, e);
            return TypedDefault.Of<T>(scope.Mode);
        }
    }

    private Task<VMReading?> MaskNull<TArguments>(Task<VMReading?> call, TArguments arguments, [CallerMemberName] string member = "") =>
        call.IsCompletedSuccessfully || FailureObliviousScope.Current is not { } scope ? call : MaskNullSlow(scope, call, arguments, member);

    private async Task<VMReading?> MaskNullSlow<TArguments>(FailureObliviousScope scope, Task<VMReading?> call, TArguments arguments, string member)
    {
        try
        {
            return await call;
        }
        catch (HypervisorException e) when (Masks(scope, e))
        {
            Tell(scope, member, arguments, e);
            return null;
        }
    }

    private Task MaskWrite(Task call, Guid id, [CallerMemberName] string member = "") =>
        call.IsCompletedSuccessfully || FailureObliviousScope.Current is not { } scope ? call : MaskWriteSlow(scope, call, id, member);

    private async Task MaskWriteSlow(FailureObliviousScope scope, Task call, Guid id, string member)
    {
        try
        {
            await call;
        }
        catch (HypervisorException e) when (Masks(scope, e))
        {
            Tell(scope, member, id, e);
        }
    }

    private void Tell<TArguments>(FailureObliviousScope scope, string member, TArguments arguments, HypervisorException cause) =>
        scope.Log.Add(new MaskedObjectFailure(hostName, member, arguments?.ToString() ?? "", cause), hostName);
}
