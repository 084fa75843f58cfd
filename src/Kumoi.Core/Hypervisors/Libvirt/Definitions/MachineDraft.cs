using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>The domain XML of a whole machine for one host. Blocks.</summary>
internal static class MachineDraft
{
    private const string DefaultNetwork = "default";

    /// <summary>Asks the host what it offers, and takes of it what the specification wants.</summary>
    /// <param name="connection">To the host.</param>
    /// <param name="spec">Checked before; has a <see cref="VMSpec.Machine"/>.</param>
    /// <param name="host">What it runs.</param>
    /// <param name="volumes">By the index of their disk: the volumes that are to be made.</param>
    /// <param name="warnings">Gets a sentence for what is not there that people may expect.</param>
    public static XElement Make(
        LibvirtConnection connection, VMSpec spec, HostCapabilities host, IReadOnlyDictionary<int, VolumePlan> volumes,
        List<string> warnings)
    {
        var offer = DomainOffer.Read(connection, host, spec.Machine!.MachineType);
        List<MachineDisk> disks = [];
        for (var i = 0; i < spec.Disks.Count; i++)
        {
            var disk = spec.Disks[i];
            disks.Add(volumes.TryGetValue(i, out var plan)
                ? new MachineDisk(disk, plan.Path, plan.Format)
                : new MachineDisk(
                    disk, disk.IsCd ? DiskPlans.PathOf(connection, disk.StoragePool, disk.Path!) : disk.Path!,
                    disk.IsCd || disk.Floppy ? "raw" : DomainXml.FormatOf(disk)));
        }

        return MachineDefinition.Build(spec, offer, disks, NetworksOf(connection, spec, warnings), connection.Label);
    }

    private static IReadOnlyList<string> NetworksOf(LibvirtConnection connection, VMSpec spec, List<string> warnings)
    {
        if (spec.Networks.Count > 0 || !spec.Machine!.HasDefaultNetwork)
        {
            return spec.Networks;
        }

        if (IsActive(connection, DefaultNetwork))
        {
            return [DefaultNetwork];
        }

        warnings.Add(
            $"'{spec.Name}' has no network card: {connection.Label} has no active network '{DefaultNetwork}'. "
            + "Name one with -NetworkName, or add a card with Add-KumoiNetworkAdapter.");
        return [];
    }

    /// <summary>libvirt-network: virNetworkLookupByName, virNetworkIsActive. A host without such a driver has none.</summary>
    private static bool IsActive(LibvirtConnection connection, string name)
    {
        var pointer = NativeNetwork.virNetworkLookupByName(connection.Handle, name);
        if (pointer == 0)
        {
            var failure = NativeError.Last();
            return connection.Loss is null
                ? false : throw connection.ToException(failure, $"look for the network '{name}'", CallKind.Read);
        }

        using var network = new NetworkHandle(pointer, connection.Handle);
        return NativeNetwork.virNetworkIsActive(network) == 1;
    }
}
