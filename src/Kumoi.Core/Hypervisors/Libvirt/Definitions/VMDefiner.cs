using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>Makes and removes VMs. Its methods block.</summary>
internal sealed unsafe class VMDefiner
{
    // virDomainUndefineFlagsValues, the richest that a driver knows: MANAGED_SAVE | SNAPSHOTS_METADATA | NVRAM | CHECKPOINTS_METADATA,
    // MANAGED_SAVE | SNAPSHOTS_METADATA, none.
    private static readonly uint[] UndefineFlags = [1 | 2 | 4 | 16, 1 | 2, 0];

    /// <summary>Of these: VIR_DOMAIN_UNDEFINE_MANAGED_SAVE. Without it libvirt refuses to undefine a VM with a saved state.</summary>
    private const uint WithSavedState = 1;

    private const uint Validate = 1 << 0; // VIR_DOMAIN_DEFINE_VALIDATE
    private const int MetadataElement = 2; // VIR_DOMAIN_METADATA_ELEMENT
    private const uint InactiveXml = 1 << 1; // VIR_DOMAIN_XML_INACTIVE

    private HostCapabilities? _host;

    /// <summary>
    /// libvirt-domain: virDomainDefineXMLFlags. The VM is defined before its volumes are made, so that from the first change on
    /// there is something that carries the operation and names them; libvirt's rule that a name is defined once makes it the lock
    /// on the volumes' names, too. A cancellation takes effect between two changes, and removes what was made.
    /// </summary>
    /// <param name="connection">To the host.</param>
    /// <param name="spec">What it is to be.</param>
    /// <param name="operation">It carries this.</param>
    /// <param name="warnings">Gets a sentence for each thing that is not as people may expect.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public DomainHandle Define(
        LibvirtConnection connection, VMSpec spec, OperationId operation, List<string> warnings, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        List<VolumePlan> volumes;
        XElement domain;
        if (spec.Xml is not null)
        {
            domain = DomainXml.FromTemplate(spec);
            ThrowIfExists(connection, domain);
            volumes = spec.CopyDisks ? VolumeStore.PlanCopies(connection, domain, spec.LinkDisks) : [];
            foreach (var seed in DiskPlans.Make(connection, spec, operation).Values)
            {
                SeedDrive.Insert(domain, seed.Path);
                volumes.Add(seed);
            }

            if (spec.IsTemplate)
            {
                TemplateMark.Set(domain);
            }
        }
        else
        {
            DomainXml.Check(spec);
            ThrowIfExists(connection, new XElement("domain", new XElement("name", spec.Name)));
            var byDisk = DiskPlans.Make(connection, spec, operation);
            domain = spec.Machine is null
                ? DomainXml.Build(spec, GetHost(connection), byDisk)
                : MachineDraft.Make(connection, spec, GetHost(connection), byDisk, warnings);
            volumes = [.. byDisk.Values];
        }

        TagMetadata.Set(domain, spec.Xml is null ? spec.Tags : TagMetadata.Read(domain));
        KumoiMetadata.Write(domain, operation, volumes);
        SpeculationMetadata.Set(domain, spec.Mark); // a copied definition may carry another one's
        var defined = Define(connection, domain);
        List<VolumePlan> made = [];
        try
        {
            foreach (var volume in volumes)
            {
                cancellationToken.ThrowIfCancellationRequested();
                made.Add(volume);
                VolumeStore.Create(connection, volume);
            }

            cancellationToken.ThrowIfCancellationRequested();
            if (spec.IsAutostart)
            {
                HostBoundState.SetAutostart(connection, defined, isAutostart: true);
            }

            return defined;
        }
        catch (Exception failure) when (failure is OperationCanceledException or HypervisorException { OutcomeUnknown: false })
        {
            using (defined)
            {
                RemoveAfter(failure, connection, defined, made);
            }

            throw;
        }
        catch
        {
            defined.Dispose();
            throw;
        }
    }

    /// <summary>Finds what carries the operation, stops it, and removes it with its volumes. The definition goes last, so that
    /// after a failure this can be done again. Null: the host has nothing of it; else a sentence for each volume that stays.</summary>
    public static IReadOnlyList<string>? Undo(LibvirtConnection connection, OperationId operation)
    {
        IReadOnlyList<string>? warnings = null;
        using var domains = ListDomains(connection);
        foreach (var domain in domains)
        {
            if (Undo(connection, domain, operation) is { } kept)
            {
                warnings = [.. warnings ?? [], .. kept];
            }
        }

        return warnings;
    }

    /// <summary>The same of one VM. Null: it does not carry the operation.</summary>
    public static List<string>? Undo(LibvirtConnection connection, DomainHandle domain, OperationId operation) =>
        VolumesOf(connection, domain, operation) is { } volumes ? Remove(connection, domain, volumes) : null;

    /// <summary>Removes a stopped VM; one that runs would only become transient, and fails with
    /// <see cref="HypervisorError.InvalidState"/> (libvirt-domain: virDomainUndefineFlags). Returns a sentence for each disk that stays
    /// although it was to go.</summary>
    public static IReadOnlyList<string> Undefine(LibvirtConnection connection, DomainHandle domain, bool removeVolumes)
    {
        List<string> warnings = [];
        if (IsActive(connection, domain))
        {
            throw connection.ToException(
                new LibvirtFailure(LibvirtCode.OperationInvalid, LibvirtOrigin.None, 0, "the VM is running"),
                $"remove VM '{domain.Name}'",
                CallKind.Read);
        }

        if (ManagedSave.IsThere(connection, domain))
        {
            throw connection.ToException(
                new LibvirtFailure(LibvirtCode.OperationInvalid, LibvirtOrigin.None, 0, "it has a saved state, which would be lost"),
                $"remove VM '{domain.Name}'",
                CallKind.Read);
        }

        var snapshots = SnapshotReader.ReadXml(connection, domain);
        if (snapshots.Count > 0)
        {
            warnings.Add($"What {connection.Label} knew of the {snapshots.Count} snapshots of '{domain.Name}' has gone with it.");
        }

        // First the volumes: what fails then can be tried again, because the VM still tells what belongs to it.
        var definition = DomainDefinition.Parse(NativeString.Take(NativeDomain.virDomainGetXMLDesc(domain, InactiveXml))
            ?? throw connection.Failed($"read the XML of VM '{domain.Name}'"));
        warnings.AddRange(VolumeRemoval.RemoveSeeds(connection, domain.Name, KumoiMetadata.ReadSeeds(definition)));
        if (removeVolumes)
        {
            var files = SnapshotFiles.OfWhole(connection, domain, definition, snapshots);
            warnings.AddRange(VolumeRemoval.RemoveDisks(connection, domain.Name, definition));
            warnings.AddRange(SnapshotFiles.RemoveWhole(connection, domain, files));
        }

        UndefineAsFarAsKnown(connection, domain, withSavedState: false);
        return warnings;
    }

    private static DomainHandle Define(LibvirtConnection connection, XElement domain)
    {
        var pointer = NativeDomain.virDomainDefineXMLFlags(connection.Handle, domain.ToString(), 0);
        if (pointer != 0)
        {
            connection.NoteChange();
            return new DomainHandle(pointer, connection.Handle);
        }

        var failure = connection.Failed($"define VM '{domain.Element("name")!.Value}'", CallKind.Write);
        if (!failure.OutcomeUnknown)
        {
            // Somebody else may have taken the name since it was looked up.
            ThrowIfExists(connection, domain);
        }

        throw failure;
    }

    /// <summary>libvirt-domain: virDomainDefineXMLFlags, of a VM that is there.</summary>
    /// <param name="connection">To its host.</param>
    /// <param name="definition">What it is from its next start on.</param>
    /// <param name="action">What that is for, for errors.</param>
    /// <param name="validate">People have written it: what libvirt does not know is an error.</param>
    public static void Redefine(LibvirtConnection connection, XElement definition, string action, bool validate = false)
    {
        var pointer = NativeDomain.virDomainDefineXMLFlags(connection.Handle, definition.ToString(), validate ? Validate : 0);
        if (pointer == 0)
        {
            throw connection.Failed(action, CallKind.Write);
        }

        connection.NoteChange();
        new DomainHandle(pointer, connection.Handle).Dispose();
    }

    private static void ThrowIfExists(LibvirtConnection connection, XElement domain)
    {
        var name = domain.Element("name")!.Value;
        using var sameName = connection.FindDomain(name);
        using var sameId = Guid.TryParse(domain.Element("uuid")?.Value, out var id) ? connection.FindDomain(id) : null;
        if (sameName is not null || sameId is not null)
        {
            throw connection.ToException(
                new LibvirtFailure(
                    LibvirtCode.DomainExists, LibvirtOrigin.None, 0, $"a VM of that {(sameName is null ? "id" : "name")} exists"),
                $"define VM '{name}'",
                CallKind.Read);
        }
    }

    private static void RemoveAfter(Exception failure, LibvirtConnection connection, DomainHandle domain, List<VolumePlan> made)
    {
        // The last one is the one that failed. That it exists is somebody else's doing.
        var refusal = failure as HypervisorException;
        var isForeign = refusal?.NativeCode == (int)LibvirtCode.StorageVolumeExists;
        var ours = isForeign ? made.SkipLast(1) : made;
        try
        {
            _ = Remove(connection, domain, [.. ours.Select(static volume => (volume.Pool, volume.Name))]);
        }
        catch (HypervisorException removal)
        {
            throw new HypervisorException(
                $"{failure.Message} What was made before could not be removed: {removal.Message}",
                refusal?.FaultDomain ?? removal.FaultDomain,
                isTransient: false,
                outcomeUnknown: true,
                refusal?.Error ?? HypervisorError.Aborted,
                refusal?.NativeCode ?? 0,
                "Undo the operation when the host works again.",
                failure);
        }
    }

    private static List<string> Remove(LibvirtConnection connection, DomainHandle domain, IReadOnlyList<(string Pool, string Name)> volumes)
    {
        var isPersistent = IsPersistent(connection, domain);
        Stop(connection, domain);
        var warnings = VolumeRemoval.RemoveMade(connection, domain.Name, volumes);
        if (isPersistent)
        {
            UndefineAsFarAsKnown(connection, domain, withSavedState: true);

            // A start that nobody waits for any more may have come in between; then the VM runs on without a definition.
            Stop(connection, domain);
        }

        return warnings;
    }

    /// <summary>Also of a VM that is off or gone.</summary>
    private static void Stop(LibvirtConnection connection, DomainHandle domain)
    {
        if (NativeDomain.virDomainDestroy(domain) == 0)
        {
            connection.NoteChange();
            return;
        }

        var failure = NativeError.Last();
        if (failure.Code is not (LibvirtCode.OperationInvalid or LibvirtCode.NoDomain))
        {
            throw connection.ToException(failure, $"stop VM '{domain.Name}'", CallKind.Write);
        }
    }

    public static void UndefineAsFarAsKnown(LibvirtConnection connection, DomainHandle domain, bool withSavedState)
    {
        LibvirtFailure failure = default;
        foreach (var flags in UndefineFlags)
        {
            if (NativeDomain.virDomainUndefineFlags(domain, withSavedState ? flags : flags & ~WithSavedState) == 0)
            {
                connection.NoteChange();
                return;
            }

            failure = NativeError.Last();
            if (failure.Code is not (LibvirtCode.InvalidArgument or LibvirtCode.ArgumentUnsupported))
            {
                break;
            }
        }

        throw connection.ToException(failure, $"remove VM '{domain.Name}'", CallKind.Write);
    }

    private static IReadOnlyList<(string Pool, string Name)>? VolumesOf(
        LibvirtConnection connection, DomainHandle domain, OperationId operation)
    {
        var metadata = NativeDomain.virDomainGetMetadata(domain, MetadataElement, KumoiMetadata.Namespace, 0);
        if (metadata != null)
        {
            return KumoiMetadata.ReadVolumes(NativeString.Take(metadata)!, operation);
        }

        var failure = NativeError.Last();
        return failure.Code is LibvirtCode.NoDomainMetadata or LibvirtCode.NoDomain
            ? null
            : throw connection.ToException(failure, $"read the metadata of VM '{domain.Name}'", CallKind.Read);
    }

    internal static HandleList<DomainHandle> ListDomains(LibvirtConnection connection)
    {
        nint* domains = null;
        var count = NativeDomain.virConnectListAllDomains(connection.Handle, &domains, 0);
        if (count < 0)
        {
            throw connection.Failed("list the VMs");
        }

        var handles = new HandleList<DomainHandle>();
        for (var i = 0; i < count; i++)
        {
            handles.Add(new DomainHandle(domains[i], connection.Handle));
        }

        NativeTypedParameters.Free(domains);
        return handles;
    }

    internal static bool IsActive(LibvirtConnection connection, DomainHandle domain) =>
        NativeDomain.virDomainIsActive(domain) switch
        {
            < 0 => throw connection.Failed($"read VM '{domain.Name}'"),
            var isActive => isActive == 1,
        };

    internal static bool IsPersistent(LibvirtConnection connection, DomainHandle domain)
    {
        var isHeld = false;
        domain.DangerousAddRef(ref isHeld);
        try
        {
            var isPersistent = NativeDomain.virDomainIsPersistent(domain.DangerousGetHandle());
            return isPersistent < 0 ? throw connection.Failed($"read VM '{domain.Name}'") : isPersistent == 1;
        }
        finally
        {
            domain.DangerousRelease();
        }
    }

    public HostCapabilities GetHost(LibvirtConnection connection)
    {
        if (_host is null)
        {
            var xml = NativeString.Take(NativeConnection.virConnectGetCapabilities(connection.Handle))
                ?? throw connection.Failed("read the host's capabilities");
            _host = HostCapabilities.Parse(xml) ?? throw new HypervisorException(
                $"Cannot define a VM on {connection.Label}: its hypervisor runs no guests.",
                FaultDomain.Host,
                error: HypervisorError.NotSupported,
                recommendedAction: "Install the hypervisor (such as qemu-system-x86) on that host, and restart its libvirt daemon.");
        }

        return _host;
    }
}
