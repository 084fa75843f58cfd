using System.Text.Json.Nodes;
using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Fleets;

/// <summary>What can be done with VMs. Each action either takes effect or leaves nothing behind, also when it is cancelled.</summary>
public static partial class VMActions
{
    /// <summary>Undoing must not be cut short by what made it necessary, but must not hang either.</summary>
    private static readonly TimeSpan UndoTimeout = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Defines a VM, and starts it if asked. What was made is removed again if a step fails or is cancelled, unless
    /// <paramref name="keepFailed"/>.
    /// </summary>
    /// <exception cref="CompensationFailedException">A step failed, and what it had made could not be removed.</exception>
    public static Task<KumoiVM> CreateAsync(
        KumoiConnection host, VMSpec spec, bool start, bool keepFailed, OperationId operation, CancellationToken cancellationToken) =>
        MakeAsync(host, spec, start, keepFailed, static _ => Task.CompletedTask, operation, cancellationToken);

    /// <summary>Removes the VM that <paramref name="operation"/> made on the host; true if there was one.</summary>
    public static async Task<bool> RemoveCreatedAsync(KumoiConnection host, OperationId operation)
    {
        using var limit = new CancellationTokenSource(UndoTimeout);
        return await host.Link.SendAsync(new UndoDefineVM(operation), limit.Token);
    }

    /// <summary>Undoes a creation that is known to have taken effect, on the host where the VM is now.</summary>
    /// <exception cref="HypervisorException">VMNotFound: it is not there, so nothing was undone, and it may be elsewhere.</exception>
    public static async Task UndoCreationAsync(KumoiConnection host, string name, OperationId operation)
    {
        if (!await RemoveCreatedAsync(host, operation))
        {
            throw NoLongerThere(name, host.Name);
        }
    }

    /// <summary>
    /// Makes sure that no copy of the VM, one of the same id on another host of the fleet, runs or may run. It must be called right before
    /// a VM is started, resumed, or made to be started.
    /// </summary>
    /// <inheritdoc cref="OtherCopies.EnsureNoneRunsAsync"/>
    public static Task<IReadOnlyList<string>> EnsureOnlyCopyAsync(
        Fleet fleet, KumoiVM vm, bool resumes, CancellationToken cancellationToken) =>
        fleet.Copies.EnsureNoneRunsAsync(vm.Id, vm.Name, vm.Connection, resumes, cancellationToken);

    /// <summary>The same for a VM that is going to be made on a host: with an XML that brings its own id.</summary>
    /// <inheritdoc cref="OtherCopies.EnsureNoneRunsAsync"/>
    public static async Task<IReadOnlyList<string>> EnsureOnlyCopyAsync(
        Fleet fleet, VMSpec spec, KumoiConnection host, CancellationToken cancellationToken) =>
        spec.Name.Length == 0 && spec.FindIdInXml() is { } id
            ? await fleet.Copies.EnsureNoneRunsAsync(id, spec.FindName() ?? id.ToString("D"), host, resumes: false, cancellationToken)
            : [];

    /// <summary>Gives a VM that is off another name. One that it has already is fine.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: no VM can be called so. InvalidState: it is not off.</exception>
    public static async Task<KumoiVM> RenameAsync(KumoiVM vm, string name, CancellationToken cancellationToken)
    {
        VMSpecCheck.EnsureName(name, "VM");
        var now = await ReadAgainAsync(vm, cancellationToken);
        if (now.Name == name)
        {
            return now;
        }

        if (now.State is not PowerState.Shutoff)
        {
            throw new HypervisorException(
                $"'{vm.Name}' is {now.State}: only a VM that is off is renamed.", FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Stop it first with Stop-KumoiVM.");
        }

        await vm.Connection.Link.SendAsync(new RenameVM(vm.Id, name), cancellationToken);
        return await ReadAgainAsync(vm, cancellationToken);
    }

    /// <summary>
    /// Removes a VM's definition. A VM that is not off, or has a saved state, is refused unless <paramref name="turnOff"/>. What of its
    /// disks stays although it was to go is told by <see cref="CallWarnings"/>.
    /// </summary>
    public static async Task RemoveAsync(KumoiVM vm, bool turnOff, bool removeVolumes, CancellationToken cancellationToken)
    {
        var link = vm.Connection.Link;
        var now = await ReadAgainAsync(vm, cancellationToken);
        var replayFiles = await FindReplayFilesAsync(now, cancellationToken);
        if (now.State is not PowerState.Shutoff)
        {
            if (!turnOff)
            {
                throw new HypervisorException(
                    $"'{vm.Name}' is {now.State}: only a VM that is off is removed.", FaultDomain.VM, error: HypervisorError.InvalidState,
                    recommendedAction: "Stop it first with Stop-KumoiVM, or use -Force to turn it off and remove it.");
            }

            var images = removeVolumes && !now.IsPersistent ? ImagesOf(await link.SendAsync(new ReadXml(vm.Id), cancellationToken)) : [];
            await link.SendAsync(new DestroyVM(vm.Id), cancellationToken);
            if (!now.IsPersistent)
            {
                CallWarnings.Tell(images.Select(image => $"{image} on {vm.VMHost} stays: '{vm.Name}' had no definition, and is gone."));
                return;
            }
        }

        if (now.HasSavedState)
        {
            if (!turnOff)
            {
                throw new HypervisorException(
                    $"'{vm.Name}' has a saved state: what its guest was doing when it was saved would be lost.", FaultDomain.VM,
                    error: HypervisorError.InvalidState,
                    recommendedAction: "Start it with Start-KumoiVM, which goes on from there, and shut it down; or use -Force to throw "
                        + "the saved state away.");
            }

            await link.SendAsync(new DiscardSavedState(vm.Id), cancellationToken);
            CallWarnings.Tell($"The saved state of '{vm.Name}' was thrown away: what its guest was doing when it was saved is lost.");
        }

        await link.SendAsync(new UndefineVM(vm.Id, removeVolumes), cancellationToken);
        RemoveReplayFiles(replayFiles);
    }

    /// <summary>Moves a running VM, live. A failure that is its own host's counts as the VM's: no other target would do better.</summary>
    public static async Task<KumoiVM> MoveAsync(
        KumoiVM vm, KumoiConnection target, MigrationOptions options, IProgress<MigrationProgress>? progress,
        CancellationToken cancellationToken)
    {
        if (ReferenceEquals(vm.Connection, target))
        {
            throw new HypervisorException(
                $"'{vm.Name}' is already on {target.Name}.", FaultDomain.Host, error: HypervisorError.InvalidState,
                recommendedAction: "Choose another destination.");
        }

        var reading = await vm.Connection.Link.SendAsync(
            new MigrateVM(vm.Id, target.Link, options) { KnownName = vm.Name, Progress = progress }, cancellationToken);
        return new KumoiVM(target, reading);
    }

    /// <summary>As <see cref="CreateAsync"/>, with a <paramref name="check"/> of what was defined before it is started.</summary>
    private static async Task<KumoiVM> MakeAsync(
        KumoiConnection host,
        VMSpec spec,
        bool start,
        bool keepFailed,
        Func<CancellationToken, Task> check,
        OperationId operation,
        CancellationToken cancellationToken)
    {
        if (host.Journal is { } journal)
        {
            // What is made here, and what is undone of it, belong together.
            journal.Keep(await journal.OpenAsync(cancellationToken));
        }

        VMReading? defined = null;
        try
        {
            var vm = defined = await host.Link.SendAsync(new DefineVM(spec) { Operation = operation }, cancellationToken);
            await check(cancellationToken);
            if (!start || vm.IsMasked)
            {
                return new KumoiVM(host, vm);
            }

            await host.Link.SendAsync(new StartVM(vm.Id, Paused: false) { Operation = operation }, cancellationToken);
            return new KumoiVM(
                host, await host.Link.SendAsync(new FindVM(vm.Id), cancellationToken) ?? vm with { State = PowerState.Unknown });
        }
        catch (Exception e) when (!keepFailed
            && (defined is not null || e is OperationCanceledException or HypervisorException { OutcomeUnknown: true }))
        {
            // What is not found may come yet: only what was found and removed is known to be gone.
            if (await UndoCreateAsync(host, defined, operation, e) && e is HypervisorException { OutcomeUnknown: true } unknown)
            {
                // Now it is known: whatever it may have made is gone.
                throw new HypervisorException(
                    unknown.Message, unknown.FaultDomain, unknown.IsTransient, outcomeUnknown: false, unknown.Error, unknown.NativeCode,
                    unknown.RecommendedAction, unknown);
            }

            throw;
        }
    }

    private static List<string> ImagesOf(string definition) =>
        [.. DomainCopy.WritableDisks(DomainDefinition.Parse(definition)).Where(static disk => disk.Element("source") is not null)
            .Select(DomainCopy.Describe)];

    internal static async Task<KumoiVM> ReadAgainAsync(KumoiVM vm, CancellationToken cancellationToken) =>
        await FleetReads.ReadVMAsync(vm, cancellationToken) ?? throw NoLongerThere(vm.Name, vm.VMHost);

    private static HypervisorException NoLongerThere(string vm, string host) => new(
        $"'{vm}' is no longer on {host}.", FaultDomain.VM, error: HypervisorError.VMNotFound,
        recommendedAction: "Find it with Get-KumoiVM: it may have been moved or removed.");

    /// <summary>
    /// True: what was made, or may have been, was found and removed. False: nothing was found of what only may have been made.
    /// </summary>
    private static async Task<bool> UndoCreateAsync(KumoiConnection host, VMReading? defined, OperationId operation, Exception cause)
    {
        try
        {
            if (defined is null)
            {
                return await RemoveCreatedAsync(host, operation);
            }

            await UndoCreationAsync(host, defined.Name, operation);
            return true;
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or JournalException)
        {
            if (host.Journal is { } journal)
            {
                await journal.TellAsync(new KumoiEvent
                {
                    At = journal.Now,
                    Kind = KumoiEventKind.Compensation,
                    VMHost = host.Name,
                    OperationId = operation.Value,
                    Message = $"What was made on {host.Name} could not be removed: {e.Message}",
                    Data = new JsonObject { ["undone"] = nameof(OperationKind.Define), ["problem"] = e.Message }.ToJsonString(),
                });
            }

            throw new CompensationFailedException(cause, e);
        }
    }
}
