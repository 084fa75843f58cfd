using System.Xml.Linq;
using Kumoi.Hypervisors;

namespace Kumoi.Exports;

/// <summary>What the definition of an imported VM is.</summary>
internal static class ImportDefinition
{
    private const string DefaultNetwork = "default";

    /// <summary>The networks of its cards, all of which the host has.</summary>
    /// <param name="package">The VM.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="networks">The host's.</param>
    /// <param name="host">Its name.</param>
    /// <param name="warnings">Gets a sentence for each card that is in another network than it was.</param>
    /// <returns>For each card; null: it stays as it is, in no virtual network.</returns>
    /// <exception cref="HypervisorException">Of domain Host: it has no such network.</exception>
    public static IReadOnlyList<string?> NetworksOf(
        ImportPackage package, ImportOptions options, IReadOnlyList<NetworkReading> networks, string host, List<string> warnings)
    {
        var cards = package.Domain is { } domain
            ? AdapterDefinition.Of(domain).Select(static card => (string?)card.Element("source")?.Attribute("network")).ToList()
            : [.. package.Machine!.Networks];
        var found = new List<string?>(cards.Count);
        foreach (var card in cards)
        {
            var wanted = options.Networks.Count > 0 ? options.Networks[Math.Min(found.Count, options.Networks.Count - 1)] : card;
            if (wanted is not null && networks.All(network => network.Name != wanted))
            {
                // Networks of other makers' products are never there, and few have given thought to their names.
                if (package.Machine is null || options.Networks.Count > 0 || networks.All(static one => one.Name != DefaultNetwork))
                {
                    throw new HypervisorException(
                        $"{host} has no network '{Visible.Text(wanted)}'.", FaultDomain.Host, error: HypervisorError.InvalidSpecification,
                        recommendedAction: "Give one that it has with -NetworkName. Get-KumoiNetwork lists them.");
                }

                warnings.Add($"{host} has no network '{Visible.Text(wanted)}': the VM is in '{DefaultNetwork}' instead.");
                wanted = DefaultNetwork;
            }

            found.Add(wanted);
        }

        return found;
    }

    /// <summary>The VM of an export, with its disks as they are on the host.</summary>
    /// <param name="package">The VM.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="name">The VM's name.</param>
    /// <param name="volumes">For each disk of the package.</param>
    /// <param name="networks">As from <see cref="NetworksOf"/>.</param>
    /// <param name="warnings">Gets a sentence for all that is not as it was.</param>
    public static VMSpec Of(
        ImportPackage package, ImportOptions options, string name, IReadOnlyList<VolumeReading> volumes, IReadOnlyList<string?> networks,
        List<string> warnings)
    {
        if (package.Machine is { } machine)
        {
            return OfMachine(package, machine, name, volumes, networks);
        }

        var domain = new XElement(package.Domain!);
        Redirect(domain, package, volumes, warnings);
        foreach (var (card, network) in AdapterDefinition.Of(domain).ToList().Zip(networks))
        {
            if (network is not null && network != (string?)card.Element("source")?.Attribute("network"))
            {
                Connect(card, network);
            }
        }

        if (options.KeepIdentity)
        {
            domain.SetElementValue("name", name);
            domain.Elements("os").Elements("nvram").Remove(); // its file stayed where it was
        }

        domain.Elements("devices").Elements("emulator").Remove(); // each host has its own
        domain.Elements("seclabel").Remove();
        var parts = PartsOfHost(domain).Distinct().ToList();
        if (parts.Count > 0)
        {
            warnings.Add($"'{name}' uses what is on its host, as its export says: {string.Join(", ", parts)}. Look at its XML before you "
                + "start it.");
        }

        return new VMSpec { Name = options.KeepIdentity ? "" : name, Xml = domain.ToString() };
    }

    private static VMSpec OfMachine(
        ImportPackage package, OvfMachine machine, string name, IReadOnlyList<VolumeReading> volumes, IReadOnlyList<string?> networks) =>
        new()
        {
            Name = name,
            MemoryBytes = machine.MemoryBytes,
            CpuCount = machine.CpuCount,
            Disks = [.. package.Disks.Zip(volumes).Select(static disk => new DiskSpec
            {
                Path = disk.Second.Path,
                StoragePool = disk.Second.Pool,
                Format = disk.First.Format,
            })],
            Networks = [.. networks.OfType<string>()],
            Machine = new MachineSpec
            {
                Firmware = machine.Firmware,
                GuestSystem = machine.IsWindows is not true ? null : new GuestSystem { Id = "", ShortId = "", IsWindows = true },
            },
        };

    /// <summary>
    /// What a definition, which may come from anybody, has opened or run on the host besides disks and networks, as soon as it is started.
    /// </summary>
    private static IEnumerable<string> PartsOfHost(XElement domain)
    {
        foreach (var device in domain.Elements("devices").Elements())
        {
            var (kind, type) = (device.Name.LocalName, (string?)device.Attribute("type"));
            if (kind is "hostdev" or "filesystem" or "shmem" or "vsock")
            {
                yield return kind;
            }
            else if (kind is not "disk" && type is "file" or "pipe" or "dev")
            {
                yield return $"a {type} for its {Visible.Text(kind)}";
            }
            else if (device.Element("script") is not null)
            {
                yield return $"a script for its {Visible.Text(kind)}";
            }
        }

        foreach (var element in domain.Elements("os").Elements().Where(static one => one.Name.LocalName is "kernel" or "initrd"))
        {
            yield return element.Name.LocalName;
        }

        // Of drivers, such as arguments of QEMU's own.
        foreach (var element in domain.Elements().Where(static one => one.Name.NamespaceName.Length > 0))
        {
            yield return Visible.Text(element.Name.LocalName);
        }
    }

    private static void Redirect(XElement domain, ImportPackage package, IReadOnlyList<VolumeReading> volumes, List<string> warnings)
    {
        foreach (var disk in DiskDefinition.Of(domain).ToList())
        {
            var target = DiskDefinition.TargetOf(disk);
            var index = package.Disks.ToList().FindIndex(one => one.Target == target);
            if (index >= 0)
            {
                if (disk.Element("source") is null)
                {
                    disk.Add(new XElement("source"));
                }

                disk.Elements("source").Elements().Remove();
                disk.Element("source")!.RemoveAttributes();
                DomainCopy.Redirect(disk, volumes[index].Path, package.Disks[index].Format);
                continue;
            }

            if ((string?)disk.Attribute("device") is not ("cdrom" or "floppy"))
            {
                throw ExportErrors.Refuse(
                    $"The disk '{Visible.Text(target)}' of the VM is not in the export.",
                    "Get the folder again as Export-KumoiVM has made it.");
            }

            if (DiskDefinition.Read(disk).Source is { } disc)
            {
                warnings.Add($"The drive '{Visible.Text(target)}' is empty: '{Visible.Text(disc)}' is not in the export.");
                disk.ReplaceWith(DiskDefinition.WithDisc(disk, path: null));
            }
        }
    }

    private static void Connect(XElement card, string network)
    {
        card.SetAttributeValue("type", "network");
        card.Elements("virtualport").Remove(); // it was of the other end
        card.Elements("source").Remove();
        card.Add(new XElement("source", new XAttribute("network", network)));
    }
}
