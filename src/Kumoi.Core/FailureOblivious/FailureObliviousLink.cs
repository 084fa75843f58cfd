using System.Runtime.CompilerServices;
using Kumoi.Hypervisors;

namespace Kumoi.FailureOblivious;

/// <summary>
/// Any link, with failures masked while a <see cref="FailureObliviousScope"/> is entered. Without one it hands calls through, and a call
/// that succeeds costs nothing more.
/// </summary>
internal sealed class FailureObliviousLink(IHypervisorLink inner) : IHypervisorLink
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

    public Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken) =>
        FailureObliviousScope.Current is { } scope
            ? ReadHostMaskedAsync(scope, includeVMs, cancellationToken)
            : inner.ReadHostAsync(includeVMs, cancellationToken);

    public Task<IReadOnlyList<VMReading>> ReadVMsAsync(CancellationToken cancellationToken) =>
        Mask(inner.ReadVMsAsync(cancellationToken));

    public Task<VMReading?> FindVMAsync(Guid id, CancellationToken cancellationToken) => MaskNull(inner.FindVMAsync(id, cancellationToken), id.ToString());

    public Task<VMReading?> FindVMAsync(string name, CancellationToken cancellationToken) => MaskNull(inner.FindVMAsync(name, cancellationToken), name);

    public Task<string> ReadXmlAsync(Guid id, CancellationToken cancellationToken) => Mask(inner.ReadXmlAsync(id, cancellationToken), id.ToString());

    public Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken) =>
        Mask(inner.DefineAsync(spec, operation, cancellationToken), spec.Name);

    public Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken) =>
        Mask(inner.UndoDefineAsync(operation, cancellationToken), operation.ToString());

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

    public Task UndefineAsync(Guid id, bool removeVolumes, OperationId operation, CancellationToken cancellationToken) =>
        MaskWrite(inner.UndefineAsync(id, removeVolumes, operation, cancellationToken), id);

    public Task<VMReading> MigrateAsync(
        Guid id,
        IHypervisorLink target,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        OperationId operation,
        CancellationToken cancellationToken) => Mask(
            inner.MigrateAsync(id, (target as FailureObliviousLink)?.Inner ?? target, options, progress, operation, cancellationToken), id.ToString());

    // Nothing of a migration in phases is masked: a masked failure would lie about where the VM runs.
    public Task<VMPlace> ReadPlaceAsync(Guid id, CancellationToken cancellationToken) => inner.ReadPlaceAsync(id, cancellationToken);

    public Task<IOutgoingMigration> BeginMigrationAsync(Guid id, MigrationPlan plan, CancellationToken cancellationToken) =>
        inner.BeginMigrationAsync(id, plan, cancellationToken);

    public Task<IIncomingMigration> PrepareMigrationAsync(MigrationOffer offer, int replica, CancellationToken cancellationToken) =>
        inner.PrepareMigrationAsync(offer, replica, cancellationToken);

    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => inner.WatchAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private static bool Masks(FailureObliviousScope scope, HypervisorException failure) => !scope.FailsElements && !failure.OutcomeUnknown;

    private async Task<HostReading> ReadHostMaskedAsync(FailureObliviousScope scope, bool includeVMs, CancellationToken cancellationToken)
    {
        try
        {
            return LastReading = await inner.ReadHostAsync(includeVMs, cancellationToken);
        }
        catch (HypervisorException e) when (Masks(scope, e))
        {
            Tell(scope, nameof(ReadHostAsync), "", e);
            return Stand(scope.Mode, includeVMs);
        }
    }

    private Task<T> Mask<T>(Task<T> call, string arguments = "", [CallerMemberName] string member = "") =>
        call.IsCompletedSuccessfully || FailureObliviousScope.Current is not { } scope ? call : MaskSlow(scope, call, arguments, member);

    private async Task<T> MaskSlow<T>(FailureObliviousScope scope, Task<T> call, string arguments, string member)
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

    private Task<VMReading?> MaskNull(Task<VMReading?> call, string arguments, [CallerMemberName] string member = "") =>
        call.IsCompletedSuccessfully || FailureObliviousScope.Current is not { } scope ? call : MaskNullSlow(scope, call, arguments, member);

    private async Task<VMReading?> MaskNullSlow(FailureObliviousScope scope, Task<VMReading?> call, string arguments, string member)
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
            Tell(scope, member, id.ToString(), e);
        }
    }

    private void Tell(FailureObliviousScope scope, string member, string arguments, HypervisorException cause) =>
        scope.Log.Add(new MaskedObjectFailure(HostName, member, arguments, cause), HostName);
}
