using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Fleets.Journaling;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;
using Kumoi.Speculation;

namespace Kumoi.Exports;

/// <summary>
/// Makes a VM of a package on a host: its disks become volumes, then it is defined. What was made goes again if a step fails or is
/// cancelled; what a process that dies has left, <see cref="Speculation.Repair.OperationRepair"/> removes by the journal.
/// </summary>
/// <param name="fleet">All hosts, on none of which a VM of a kept identity may be.</param>
/// <param name="host">Where.</param>
/// <param name="package">What.</param>
/// <param name="options">How.</param>
/// <param name="time">The clock.</param>
public sealed class VMImport(Fleet fleet, KumoiConnection host, ImportPackage package, ImportOptions options, TimeProvider time)
{
    private readonly OperationId _operation = OperationId.New();
    private readonly List<DiskRemains.Place> _made = [];

    private string Name => options.Name ?? package.Name;

    /// <summary>Imports it. What is not as it was is told by <see cref="CallWarnings"/>.</summary>
    /// <param name="progressOf">Who is told how far a disk is; null: nobody.</param>
    /// <param name="cancellationToken">Then nothing is left.</param>
    /// <exception cref="HypervisorException">
    /// Of domain VM: InvalidSpecification: the package is broken, or unsafe. VMExists: the name, or with KeepIdentity the id or an address,
    /// is taken. StorageFailed: no such pool, no room, a volume of that name. Of what may be left it is told by <see cref="CallWarnings"/>.
    /// </exception>
    public async Task<KumoiVM> RunAsync(Func<string, IProgress<CopyProgress>>? progressOf, CancellationToken cancellationToken)
    {
        VMSpecCheck.EnsureName(Name, "VM");
        List<string> warnings = [.. package.Warnings];
        await EnsureFreeAsync(cancellationToken);
        var networks = ImportDefinition.NetworksOf(
            package, options, await host.Link.SendAsync(new ReadNetworks(), cancellationToken), host.Name, warnings);
        await EnsureRoomAsync(cancellationToken);
        package.Check(cancellationToken);
        using var underWay = OperationsUnderWay.Enter(_operation);
        var scratch = ImportFolder.PathOf(_operation);
        var begun = await BeginAsync(scratch, cancellationToken);
        try
        {
            ImportFolder.Create(scratch);
            List<VolumeReading> volumes = [];
            foreach (var disk in package.Disks)
            {
                volumes.Add(await MakeAsync(
                    disk, VolumeNameOf(volumes.Count), scratch, progressOf?.Invoke(disk.Target), cancellationToken));
            }

            var spec = ImportDefinition.Of(package, options, Name, volumes, networks, warnings);
            var vm = await VMActions.CreateAsync(host, spec, start: false, keepFailed: false, _operation, cancellationToken);
            await EndAsync(begun, OperationState.Succeeded);
            CallWarnings.Tell(warnings);
            return vm;
        }
        catch (HypervisorException e) when (e.OutcomeUnknown)
        {
            throw new HypervisorException(
                e.Message, e.FaultDomain, e.IsTransient, outcomeUnknown: true, e.Error, e.NativeCode,
                $"When the host answers: Repair-KumoiOperation {_operation.Value:D}, and import again.", e);
        }
        catch (Exception e) when (e is HypervisorException { OutcomeUnknown: false } or OperationCanceledException)
        {
            await RemoveMadeAsync();
            await EndAsync(begun, OperationState.Failed, e.Message);
            throw;
        }
        finally
        {
            if (Directory.Exists(scratch))
            {
                Directory.Delete(scratch, recursive: true);
            }
        }
    }

    /// <summary>The inverse: removes the VM, on the host where it is now, and the disks that were made for it.</summary>
    public async Task UndoAsync(KumoiConnection? movedTo)
    {
        await VMActions.UndoCreationAsync(movedTo ?? host, Name, _operation);
        await RemoveMadeAsync();
    }

    private string VolumeNameOf(int index) => DomainCopy.DiskName(Name, index + 1);

    private async Task RemoveMadeAsync()
    {
        if (await DiskRemains.RemoveAllAsync(host, _made, _operation, time, isOwn: true) is { } why)
        {
            CallWarnings.Tell($"What was made for '{Name}' on {host.Name} may be there still: {why}.");
        }
    }

    private async Task<VolumeReading> MakeAsync(
        ImportDisk disk, string name, string scratch, IProgress<CopyProgress>? progress, CancellationToken cancellationToken)
    {
        if (disk.File is null)
        {
            return await CreateAsync(name, disk.Format, disk.CapacityBytes);
        }

        var path = package.Prepare(disk, scratch, progress, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();

        // In two steps: of a volume whose making has ended it is known whose it is, also to whoever repairs this.
        await CreateAsync(name, "raw", new FileInfo(path).Length);
        var made = await host.Link.SendAsync(
            new UploadVolume(options.StoragePool, name, path) { Operation = _operation, IsMade = true, Progress = progress },
            cancellationToken);
        if (path.StartsWith(scratch, StringComparison.Ordinal))
        {
            File.Delete(path);
        }

        return made;
    }

    /// <summary>Not to be cancelled, because it is short: what it had made then, nobody would know.</summary>
    private async Task<VolumeReading> CreateAsync(string name, string format, long bytes)
    {
        var made = await host.Link.SendAsync(
            new CreateVolume(options.StoragePool, name, format, bytes) { Operation = _operation }, CancellationToken.None);
        _made.Add(new DiskRemains.Place(made.Pool, made.Name, made.Path));
        return made;
    }

    private async Task<JournaledOperation?> BeginAsync(string scratch, CancellationToken cancellationToken)
    {
        if (host.Journal is not { } journal)
        {
            return null; // what a process leaves that dies, nobody would find
        }

        journal.Keep(await journal.OpenAsync(cancellationToken));
        return await journal.BeginAsync(Intent(scratch), cancellationToken);
    }

    private async Task EndAsync(JournaledOperation? begun, OperationState state, string? error = null)
    {
        if (begun is { } operation)
        {
            await host.Journal!.EndAsync(operation, new OperationOutcome(state, time.GetUtcNow(), error));
        }
    }

    private OperationIntent Intent(string scratch)
    {
        var details = new JsonObject { ["file"] = package.LocalPath, ["pool"] = options.StoragePool };
        ImportFolder.AddTo(details, scratch);
        return new()
        {
            Id = _operation.Value,
            Kind = OperationKind.Import,
            VMHost = host.Name,
            IsSimulated = host.IsSimulated,
            VM = Name,
            StartedAt = time.GetUtcNow(),
            Details = details.ToJsonString(),
        };
    }

    /// <summary>Before anything is done: two VMs of one identity, or of one name on a host, are none.</summary>
    private async Task EnsureFreeAsync(CancellationToken cancellationToken)
    {
        if (await host.Link.SendAsync(new FindVMByName(Name), cancellationToken) is not null)
        {
            throw Exists($"{host.Name} has a VM '{Name}' already.", "Give another one with -Name.");
        }

        if (!options.KeepIdentity)
        {
            return;
        }

        if (package.Domain is not { } domain || !Guid.TryParse(domain.Element("uuid")?.Value.Trim(), out var id))
        {
            throw ExportErrors.Refuse(
                $"'{Visible.Text(package.LocalPath)}' says no identity that could be kept.", "Leave out -KeepIdentity.");
        }

        var macs = AdapterDefinition.Of(domain).Select(static card => AdapterDefinition.Read(card).MacAddress)
            .Where(static mac => mac.Length > 0).ToHashSet(StringComparer.OrdinalIgnoreCase);
        await foreach (var read in fleet.ReadVMsAsync(
            fleet.Hosts, static _ => true, includeXml: macs.Count > 0, cancellationToken, withTemplates: true))
        {
            if (!read.Succeeded)
            {
                throw new HypervisorException(
                    $"Whether {read.Element.Name} has this VM is not known: {read.Error!.Message}", FaultDomain.VM,
                    error: HypervisorError.InvalidState, innerException: read.Error,
                    recommendedAction: "Connect it again, or leave out -KeepIdentity.");
            }

            foreach (var vm in read.Result)
            {
                var shared = vm.Xml is null ? null : AdapterDefinition.Of(DomainDefinition.Parse(vm.Xml))
                    .Select(static card => AdapterDefinition.Read(card).MacAddress).FirstOrDefault(macs.Contains);
                if (vm.Id == id || shared is not null)
                {
                    throw Exists(
                        $"'{vm.Name}' on {vm.VMHost} has {(vm.Id == id ? $"the id {id:D}" : $"the MAC address {shared}")} already.",
                        "Remove that VM, or import another one of it: leave out -KeepIdentity.");
                }
            }
        }
    }

    private async Task EnsureRoomAsync(CancellationToken cancellationToken)
    {
        if (package.Disks.Count == 0)
        {
            return;
        }

        var pool = (await host.Link.SendAsync(new ReadStorage(), cancellationToken)).FirstOrDefault(one => one.Name == options.StoragePool)
            ?? throw VolumeDefinition.NoPool(host.Name, options.StoragePool);
        if (!pool.IsActive)
        {
            throw new HypervisorException(
                $"The storage pool '{pool.Name}' of {host.Name} is not active.", FaultDomain.Storage, error: HypervisorError.StorageFailed,
                recommendedAction: "Start it with Start-KumoiPool, or give another one with -StoragePool.");
        }

        // What a raw image really takes up is known when it is there; of the others this is the least.
        var least = package.Disks.Where(static disk => disk.IsPacked || disk.Format is "qcow2").Sum(static disk => disk.LengthBytes);
        if (least > pool.FreeBytes)
        {
            throw new HypervisorException(
                $"The storage pool '{pool.Name}' of {host.Name} has {pool.FreeBytes >> 20} MiB free, the disks have {least >> 20}.",
                FaultDomain.Storage, error: HypervisorError.StorageFailed,
                recommendedAction: "Choose another host or another pool (-StoragePool), or make room.");
        }

        var names = Enumerable.Range(0, package.Disks.Count).Select(VolumeNameOf).ToHashSet(StringComparer.Ordinal);
        if ((await host.Link.SendAsync(new ReadVolumes(pool.Name), cancellationToken)).FirstOrDefault(one => names.Contains(one.Name))
            is { } taken)
        {
            throw VolumeDefinition.Exists(host.Name, pool.Name, taken.Name);
        }
    }

    private static HypervisorException Exists(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.VMExists, recommendedAction: action);
}
