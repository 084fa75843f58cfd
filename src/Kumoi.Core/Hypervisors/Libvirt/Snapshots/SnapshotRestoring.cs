using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Snapshots;

/// <summary>
/// Brings VMs back to snapshots. For external ones it does itself what libvirt does not: 9.0 goes back to none, and 11.3 lays new files
/// over read-only images too, next to them, and leaves the VM off where there is one already.
/// </summary>
internal static class SnapshotRestoring
{
    // virDomainSaveRestoreFlags
    private const uint Running = 1 << 1;
    private const uint Paused = 1 << 2;

    /// <summary>It is not cut short: it would leave the VM off.</summary>
    public static async Task<Done> RestoreAsync(LibvirtLink host, RestoreSnapshot call)
    {
        CallWarnings.Tell(await host.KeepAsync(host.RunJobAsync(connection => Restore(connection, call))));
        return default;
    }

    private static List<string> Restore(LibvirtConnection connection, RestoreSnapshot call)
    {
        using var domain = connection.GetDomain(call.Id);
        using var handle = SnapshotReader.Get(connection, domain, call.Snapshot);
        var snapshot = SnapshotReader.ReadSecure(connection, handle);
        var reading = SnapshotDefinition.Read(snapshot, isCurrent: false);
        if (reading.IsHalfRemoved)
        {
            throw Refuse(
                $"There is no way back to '{reading.Name}' of '{domain.Name}': its removal began, and its files are half merged.",
                "Remove it with Remove-KumoiSnapshot, which goes on from there.");
        }

        if (reading.Kind is SnapshotKind.External)
        {
            return RestoreExternal(connection, domain, snapshot, call);
        }

        ThrowIfBuiltOn(connection, domain, snapshot);
        connection.Change(
            NativeSnapshot.virDomainRevertToSnapshot(handle, 0), $"restore the snapshot '{reading.Name}' of VM '{domain.Name}'");
        HostBoundState.DiscardSaved(connection, domain);
        return [];
    }

    /// <summary>An image that others are built on must not be written to.</summary>
    private static void ThrowIfBuiltOn(LibvirtConnection connection, DomainHandle domain, XElement snapshot)
    {
        if (SnapshotDefinition.DefinitionOf(snapshot) is not { } definition)
        {
            return;
        }

        var images = DomainCopy.WritableDisks(definition).Select(DomainCopy.ImageOf).OfType<string>().ToList();
        if (images.Count == 0)
        {
            return;
        }

        var uses = SnapshotFiles.ReadUses(connection, domain, butSnapshot: null, images);
        var overlays = images.SelectMany(image => uses.BuiltOn(image).Select(overlay => (image, overlay)));
        if (overlays.FirstOrDefault() is { image: not null } found)
        {
            throw Refuse(
                $"'{SnapshotDefinition.NameOf(snapshot)}' of '{domain.Name}' cannot be restored: '{found.overlay}' is built on "
                    + $"'{found.image}', which the VM would write to again.",
                "Remove first the snapshots that were made after it (Get-KumoiSnapshot shows them).");
        }
    }

    private static List<string> RestoreExternal(LibvirtConnection connection, DomainHandle domain, XElement snapshot, RestoreSnapshot call)
    {
        var name = call.Snapshot.Name;
        var definition = SnapshotDefinition.DefinitionOf(snapshot);
        var running = SnapshotDefinition.RunningOf(snapshot);
        if (definition is null || running is null)
        {
            throw Refuse(
                $"'{name}' of '{domain.Name}' cannot be restored: the host does not know what the VM was then.",
                "Remove the snapshot with Remove-KumoiSnapshot.");
        }

        var memory = SnapshotDefinition.MemoryFile(snapshot);
        EnsureMemory(connection, domain, running, memory, name);
        definition.SetElementValue("name", domain.Name);
        var before = DomainDefinition.Parse(DomainCalls.ReadDefinition(connection, domain));
        var layers = Layer(connection, domain, snapshot, definition, running, call);
        var made = new List<VolumePlan>();
        try
        {
            foreach (var layer in layers)
            {
                made.Add(layer);
                VolumeStore.Create(connection, layer);
            }

            TurnOff(connection, domain);
            Define(connection, definition);
            HostBoundState.DiscardSaved(connection, domain);
            if (memory is not null)
            {
                GoOn(connection, domain, memory, running, (string?)snapshot.Element("state") is "paused");
            }
        }
        catch (HypervisorException e) when (!e.OutcomeUnknown)
        {
            throw TakenBack(connection, domain, before, made, e);
        }

        SnapshotRenaming.Define(connection, domain, snapshot, isCurrent: true);
        return RemoveLeft(connection, domain, before);
    }

    /// <summary>Before anything changes: what libvirt would say only when the VM is off already.</summary>
    private static unsafe void EnsureMemory(
        LibvirtConnection connection, DomainHandle domain, XElement running, string? memory, string name)
    {
        if (memory is null)
        {
            return;
        }

        if ((string?)running.Element("name") != domain.Name)
        {
            throw Refuse(
                $"'{name}' of '{domain.Name}' cannot be restored: the VM was called '{(string?)running.Element("name")}' then, and its "
                    + "memory goes on under that name only.",
                "Give it that name with Rename-KumoiVM, and restore again.");
        }

        if (NativeString.Take(NativeDomain.virDomainSaveImageGetXMLDesc(connection.Handle, memory, 0)) is null)
        {
            throw connection.Failed($"read '{memory}', the memory of the snapshot '{name}' of VM '{domain.Name}',");
        }
    }

    /// <summary>What is written from now on goes into new files: what they are built on stays as it was.</summary>
    private static List<VolumePlan> Layer(
        LibvirtConnection connection, DomainHandle domain, XElement snapshot, XElement definition, XElement running, RestoreSnapshot call)
    {
        var pools = VolumeStore.ReadDirectories(connection);
        List<VolumePlan> layers = [];
        foreach (var (target, _) in SnapshotDefinition.Overlays(snapshot))
        {
            var disk = SnapshotDefinition.DiskOf(definition, target) ?? throw Refuse(
                $"'{call.Snapshot.Name}' of '{domain.Name}' cannot be restored: it has a disk '{target}', which the VM did not have.",
                "Remove the snapshot with Remove-KumoiSnapshot.");
            var path = SnapshotFileNames.OverlayOf(disk, SnapshotFileNames.MarkOf(call.Operation), domain.Name, pools.Keys);
            layers.Add(new VolumePlan(pools[ImagePath.DirectoryOf(path)], path[(path.LastIndexOf('/') + 1)..], path, "qcow2", 0)
            {
                Template = DomainCopy.ImageOf(disk),
                TemplateFormat = (string?)disk.Element("driver")?.Attribute("type") ?? "raw",
            });
            foreach (var layered in new[] { disk, SnapshotDefinition.DiskOf(running, target) }.OfType<XElement>())
            {
                DomainCopy.SetImage(layered, path);
                layered.Element("source")!.Attribute("index")?.Remove();
                layered.Element("driver")?.SetAttributeValue("type", "qcow2");
            }
        }

        return layers;
    }

    private static void TurnOff(LibvirtConnection connection, DomainHandle domain)
    {
        if (VMDefiner.IsActive(connection, domain))
        {
            DomainCalls.Destroy(connection, domain);
        }
    }

    private static void Define(LibvirtConnection connection, XElement definition) =>
        VMDefiner.Redefine(connection, definition, $"define VM '{(string?)definition.Element("name")}'");

    /// <summary>libvirt-domain: virDomainRestoreFlags.</summary>
    private static void GoOn(LibvirtConnection connection, DomainHandle domain, string memory, XElement running, bool isPaused)
    {
        connection.Change(
            NativeDomain.virDomainRestoreFlags(connection.Handle, memory, running.ToString(), isPaused ? Paused : Running),
            $"restore the memory of VM '{domain.Name}'");
    }

    private static HypervisorException TakenBack(
        LibvirtConnection connection, DomainHandle domain, XElement before, List<VolumePlan> made, HypervisorException failure)
    {
        try
        {
            Define(connection, before);
            foreach (var layer in made.Where(layer => failure.NativeCode != (int)LibvirtCode.StorageVolumeExists || layer != made[^1]))
            {
                using var volume = VolumeStore.FindByPath(connection, layer.Path);
                if (volume is not null)
                {
                    VolumeStore.Delete(connection, volume, layer.Path);
                }
            }
        }
        catch (HypervisorException e)
        {
            return new HypervisorException(
                $"{failure.Message} And it could not be taken back: {e.Message}", failure.FaultDomain, outcomeUnknown: true,
                error: failure.Error, recommendedAction: "Restore the snapshot again.", innerException: failure);
        }

        var isOff = !VMDefiner.IsActive(connection, domain);
        return new HypervisorException(
            $"{failure.Message}{(isOff ? $" '{domain.Name}' is off now, with its disks as they were." : "")}", failure.FaultDomain,
            error: failure.Error, nativeCode: failure.NativeCode, recommendedAction: failure.RecommendedAction, innerException: failure);
    }

    /// <summary>The files that took what the VM wrote, and that no snapshot needs. Only those that bear our mark.</summary>
    private static List<string> RemoveLeft(LibvirtConnection connection, DomainHandle domain, XElement before)
    {
        var left = DomainCopy.WritableDisks(before).Select(DomainCopy.ImageOf).OfType<string>().Where(SnapshotFileNames.BearsMark).ToList();
        return left.Count == 0
            ? [] : SnapshotFiles.RemoveUnneeded(connection, SnapshotFiles.ReadUses(connection, domain, butSnapshot: null, left), left);
    }

    private static HypervisorException Refuse(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidState, recommendedAction: action);
}
