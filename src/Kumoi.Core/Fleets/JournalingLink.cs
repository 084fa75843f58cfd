using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Fleets;

/// <summary>
/// The one place where changes are journaled: the intent before the call goes out, the outcome after it. A call whose intent cannot be
/// written does not go out, nor does one that would bring a VM to a host that is in maintenance. Reads pass, and leave the names of VMs
/// behind.
/// </summary>
internal sealed class JournalingLink(GuardedLink inner, string hostName, string identity, bool isSimulated, FleetJournal journal) : IHypervisorLink
{
    private const int MaxErrorLength = 4096;

    private readonly VMNames _names = new();

    public string Uri => inner.Uri;

    public string HostName => inner.HostName;

    public async Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken)
    {
        var host = await inner.ReadHostAsync(includeVMs, cancellationToken);
        _names.Remember(host.VMs);
        return host;
    }

    public async Task<IReadOnlyList<VMReading>> ReadVMsAsync(CancellationToken cancellationToken)
    {
        var vms = await inner.ReadVMsAsync(cancellationToken);
        _names.Remember(vms);
        return vms;
    }

    public async Task<VMReading?> FindVMAsync(Guid id, CancellationToken cancellationToken)
    {
        var vm = await inner.FindVMAsync(id, cancellationToken);
        _names.Remember(vm);
        return vm;
    }

    public async Task<VMReading?> FindVMAsync(string name, CancellationToken cancellationToken)
    {
        var vm = await inner.FindVMAsync(name, cancellationToken);
        _names.Remember(vm);
        return vm;
    }

    public Task<string> ReadXmlAsync(Guid id, CancellationToken cancellationToken) => inner.ReadXmlAsync(id, cancellationToken);

    public Task<string> ReadDefinitionAsync(Guid id, CancellationToken cancellationToken) => inner.ReadDefinitionAsync(id, cancellationToken);

    public async Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken)
    {
        await EnsureTakesVMsAsync(cancellationToken);
        return await Run(
            Intent(OperationKind.Define, operation) with { VM = IntentDetails.NameOf(spec), Details = IntentDetails.Of(spec) },
            async () =>
            {
                var vm = await inner.DefineAsync(spec, operation, cancellationToken);
                _names.Remember(vm);
                return vm;
            },
            static vm => vm,
            cancellationToken);
    }

    public Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken) => Run(
        Intent(OperationKind.UndoDefine, operation), () => inner.UndoDefineAsync(operation, cancellationToken), static _ => null, cancellationToken);

    public async Task StartAsync(Guid id, bool paused, OperationId operation, CancellationToken cancellationToken)
    {
        await EnsureTakesVMsAsync(cancellationToken);
        await Run(
            Intent(OperationKind.Start, operation, id) with { Details = paused ? """{"paused":true}""" : IntentDetails.None },
            () => inner.StartAsync(id, paused, operation, cancellationToken), cancellationToken);
    }

    public Task ShutdownAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Run(Intent(OperationKind.Shutdown, operation, id), () => inner.ShutdownAsync(id, operation, cancellationToken), cancellationToken);

    public Task DestroyAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Run(Intent(OperationKind.Destroy, operation, id), () => inner.DestroyAsync(id, operation, cancellationToken), cancellationToken);

    public Task RebootAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Run(Intent(OperationKind.Reboot, operation, id), () => inner.RebootAsync(id, operation, cancellationToken), cancellationToken);

    public Task ResetAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Run(Intent(OperationKind.Reset, operation, id), () => inner.ResetAsync(id, operation, cancellationToken), cancellationToken);

    public Task SuspendAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Run(Intent(OperationKind.Suspend, operation, id), () => inner.SuspendAsync(id, operation, cancellationToken), cancellationToken);

    public Task ResumeAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Run(Intent(OperationKind.Resume, operation, id), () => inner.ResumeAsync(id, operation, cancellationToken), cancellationToken);

    public Task DiscardSavedStateAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => Run(
        Intent(OperationKind.DiscardSavedState, operation, id), () => inner.DiscardSavedStateAsync(id, operation, cancellationToken), cancellationToken);

    public Task UndefineAsync(Guid id, bool removeVolumes, OperationId operation, CancellationToken cancellationToken) => Run(
        Intent(OperationKind.Undefine, operation, id) with { Details = removeVolumes ? """{"removeVolumes":true}""" : IntentDetails.None },
        () => inner.UndefineAsync(id, removeVolumes, operation, cancellationToken), cancellationToken);

    public async Task<VMReading> MigrateAsync(
        Guid id,
        IHypervisorLink target,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        OperationId operation,
        CancellationToken cancellationToken)
    {
        var other = target as JournalingLink;
        if (other is not null)
        {
            await other.EnsureTakesVMsAsync(cancellationToken);
        }

        return await Run(
            Intent(OperationKind.Migrate, operation, id) with { Target = other?.FleetName ?? target.HostName, Details = IntentDetails.Of(options) },
            () => MigrationBlame.RunAsync(
                _names.Find(id) ?? id.ToString("D"), hostName, token => inner.ReadHostAsync(includeVMs: false, token),
                () => inner.MigrateAsync(id, other?.Inner ?? target, options, progress, operation, cancellationToken), cancellationToken),
            static vm => vm,
            cancellationToken);
    }

    public Task<VMPlace> ReadPlaceAsync(Guid id, CancellationToken cancellationToken) => inner.ReadPlaceAsync(id, cancellationToken);

    public async Task<MigrationNeeds> ReadMigrationNeedsAsync(Guid id, MigrationOptions options, CancellationToken cancellationToken)
    {
        var needs = await inner.ReadMigrationNeedsAsync(id, options, cancellationToken);
        _names.Remember(needs.VM);
        return needs;
    }

    /// <summary>Only the journal knows of maintenance.</summary>
    public async Task<IReadOnlyList<MigrationObstacle>> CheckMigrationTargetAsync(MigrationNeeds needs, CancellationToken cancellationToken)
    {
        var found = await inner.CheckMigrationTargetAsync(needs, cancellationToken);
        await journal.Maintenance.TryRefreshAsync(cancellationToken);
        return journal.Maintenance.IsMarked(identity) ? [MigrationJudge.InMaintenance(hostName), .. found] : found;
    }

    // Who drives the phases journals them: the steps of one operation, not single calls.
    public Task<IOutgoingMigration> BeginMigrationAsync(Guid id, MigrationPlan plan, CancellationToken cancellationToken) =>
        inner.BeginMigrationAsync(id, plan, cancellationToken);

    public async Task<IIncomingMigration> PrepareMigrationAsync(MigrationOffer offer, int replica, CancellationToken cancellationToken)
    {
        await EnsureTakesVMsAsync(cancellationToken);
        return await inner.PrepareMigrationAsync(offer, replica, cancellationToken);
    }

    public Task<string?> FindHostStateAsync(Guid id, CancellationToken cancellationToken) => inner.FindHostStateAsync(id, cancellationToken);

    // A mark changes nothing of the VM: the operation that it tells of is in the journal.
    public Task MarkAsync(Guid id, SpeculationMark? mark, CancellationToken cancellationToken) => inner.MarkAsync(id, mark, cancellationToken);

    public Task<IReadOnlyList<StoragePoolReading>> ReadPoolsAsync(CancellationToken cancellationToken) => inner.ReadPoolsAsync(cancellationToken);

    public Task<IReadOnlyList<MarkedVM>> ReadMarkedAsync(CancellationToken cancellationToken) => inner.ReadMarkedAsync(cancellationToken);

    /// <summary>Under an id of its own: the operation that left the copy is in the journal with its own kind.</summary>
    public Task<bool> RemoveCopyAsync(Guid id, CopyRemoval removal, CancellationToken cancellationToken) => Run(
        Intent(
            removal.Kind switch
            {
                CopyRemovalKind.Stop => OperationKind.Destroy,
                CopyRemovalKind.Undefine => OperationKind.Undefine,
                _ => OperationKind.UndoDefine,
            },
            OperationId.New(), id),
        () => inner.RemoveCopyAsync(id, removal, cancellationToken), static _ => null, cancellationToken);

    public Task<string> ReadHostIdAsync(CancellationToken cancellationToken) => inner.ReadHostIdAsync(cancellationToken);

    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => inner.WatchAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private GuardedLink Inner => inner;

    private string FleetName => hostName;

    private Task EnsureTakesVMsAsync(CancellationToken cancellationToken) => journal.Maintenance.EnsureTakesVMsAsync(identity, hostName, cancellationToken);

    private OperationIntent Intent(OperationKind kind, OperationId operation, Guid? vm = null) => new()
    {
        Id = operation.Value,
        Kind = kind,
        VMHost = hostName,
        IsSimulated = isSimulated,
        VMId = vm,
        VM = vm is { } id ? _names.Find(id) : null,
        StartedAt = journal.Now,
    };

    private Task Run(OperationIntent intent, Func<Task> call, CancellationToken cancellationToken) => Run(
        intent,
        async () =>
        {
            await call();
            return true;
        },
        static _ => null,
        cancellationToken);

    private async Task<T> Run<T>(OperationIntent intent, Func<Task<T>> call, Func<T, VMReading?> vmOf, CancellationToken cancellationToken)
    {
        var operation = await journal.BeginAsync(intent, cancellationToken);
        T result;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
        catch (OperationCanceledException)
        {
            await journal.EndAsync(operation, new OperationOutcome(OperationState.Failed, journal.Now, "Cancelled before the call went out."));
            throw;
        }

        try
        {
            result = await call();
        }
        catch (Exception e)
        {
            await journal.EndAsync(operation, OutcomeOf(intent, e));
            throw;
        }

        var vm = vmOf(result);
        await journal.EndAsync(operation, new OperationOutcome(OperationState.Succeeded, journal.Now)
        {
            VMId = vm?.Id,
            VM = vm?.Name,
            // How long a migration takes depends on it.
            Details = intent.Kind is OperationKind.Migrate ? IntentDetails.With(intent.Details, IntentDetails.MemoryBytes, vm!.MemoryBytes) : null,
        });
        return result;
    }

    private OperationOutcome OutcomeOf(OperationIntent intent, Exception error)
    {
        var (state, message) = error switch
        {
            HypervisorException e => (e.OutcomeUnknown ? OperationState.Unknown : OperationState.Failed, e.Message),
            // By the port's contract a cancelled migration leaves the VM where it was; of the others nobody knows how far they came.
            OperationCanceledException when intent.Kind is OperationKind.Migrate => (OperationState.Failed, "Cancelled."),
            OperationCanceledException => (OperationState.Unknown, "Cancelled while it was under way."),
            _ => (OperationState.Unknown, $"{error.GetType().Name}: {error.Message}"),
        };
        return new OperationOutcome(state, journal.Now, message.Length > MaxErrorLength ? message[..MaxErrorLength] : message)
        {
            Details = error is HypervisorException failure ? IntentDetails.With(intent.Details, failure) : null,
        };
    }
}
