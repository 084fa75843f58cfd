using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>The devices of a whole machine (https://libvirt.org/formatdomain.html#devices).</summary>
internal static class MachineDevices
{
    /// <summary>Room for what is added while the VM runs, as virt-install leaves it.</summary>
    private const int PciExpressPorts = 14;

    /// <summary>How often the guest reports its memory, in seconds.</summary>
    private const int BalloonPeriod = 5;

    public static XElement Build(
        VMSpec spec, DomainCapabilities offer, MachineChoice choice, IReadOnlyList<MachineDisk> disks, IReadOnlyList<string> networks)
    {
        var machine = spec.Machine!;
        return new XElement(
            "devices",
            Disks(spec, offer, choice, disks),
            choice.IsPciExpress ? Ports() : null,
            HasUsb(offer, choice)
                ? new XElement(
                    "controller", new XAttribute("type", "usb"), new XAttribute("model", "qemu-xhci"), new XAttribute("ports", 15))
                : null,
            HasScsi(machine, offer)
                ? new XElement("controller", new XAttribute("type", "scsi"), new XAttribute("model", "virtio-scsi")) : null,
            networks.Select((network, index) => Adapter(network, index, machine)),
            Pty("serial", null),
            Pty("console", "serial"),
            new XElement(
                "channel", new XAttribute("type", "unix"),
                new XElement("target", new XAttribute("type", "virtio"), new XAttribute("name", GuestAgentDefinition.ChannelName))),
            Screen(offer, choice),
            machine.HasTpm
                ? new XElement(
                    "tpm", new XAttribute("model", "tpm-crb"),
                    new XElement("backend", new XAttribute("type", "emulator"), new XAttribute("version", "2.0")))
                : null,
            offer.HasRng
                ? new XElement(
                    "rng", new XAttribute("model", "virtio"),
                    new XElement("backend", new XAttribute("model", "random"), "/dev/urandom"))
                : null,
            new XElement(
                "memballoon", new XAttribute("model", "virtio"), new XElement("stats", new XAttribute("period", BalloonPeriod))));
    }

    private static bool HasUsb(DomainCapabilities offer, MachineChoice choice) =>
        offer.DiskBuses.Contains("usb", StringComparer.Ordinal) && choice.IsPC;

    private static bool HasVirtioDisks(MachineSpec machine, DomainCapabilities offer) =>
        machine.GuestSystem is not { HasVirtioDisks: false } && offer.DiskBuses.Contains("virtio", StringComparer.Ordinal);

    private static bool HasScsi(MachineSpec machine, DomainCapabilities offer) =>
        HasVirtioDisks(machine, offer) && offer.DiskBuses.Contains("scsi", StringComparer.Ordinal);

    private static IEnumerable<XElement> Disks(
        VMSpec spec, DomainCapabilities offer, MachineChoice choice, IReadOnlyList<MachineDisk> disks)
    {
        var isQemu = offer.DomainType is "kvm" or "qemu";
        var plain = choice.IsPciExpress ? "sata" : "ide"; // every system has a driver for it
        var order = 0;
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var disk in disks)
        {
            var bus = disk.Spec.Floppy ? "fdc"
                // Kernels of clouds have drivers for virtio, and for little else: Debian's has none for SATA.
                : disk.Spec.Content is not null && HasScsi(spec.Machine!, offer) ? "scsi"
                : disk.Spec.IsCd || !HasVirtioDisks(spec.Machine!, offer) ? plain
                : "virtio";
            var prefix = bus switch
            {
                "fdc" => "fd",
                "virtio" => "vd",
                "ide" => "hd",
                _ => "sd",
            };
            var number = counts.GetValueOrDefault(prefix);
            counts[prefix] = number + 1;

            // The VM boots from its first disk, and from its install disc as long as there is nothing on that. A seed is none.
            int? boots = spec.Kernel is null && disk.Spec.Content is null ? ++order : null;
            yield return Disk(disk, isQemu, bus, DiskDefinition.Name(prefix, number), boots);
        }
    }

    private static XElement Disk(MachineDisk disk, bool isQemu, string bus, string target, int? order)
    {
        var isBlock = disk.Path.StartsWith("/dev/", StringComparison.Ordinal);
        return new XElement(
            "disk",
            new XAttribute("type", isBlock ? "block" : "file"),
            new XAttribute("device", disk.Spec.Floppy ? "floppy" : disk.Spec.IsCd ? "cdrom" : "disk"),
            new XElement("driver", isQemu ? new XAttribute("name", "qemu") : null, new XAttribute("type", disk.Format)),
            new XElement(
                "source",
                new XAttribute(isBlock ? "dev" : "file", disk.Path),
                // It is read once: the VM may go where it is not.
                disk.Spec.Content is null ? null : new XAttribute("startupPolicy", "optional")),
            new XElement("target", new XAttribute("dev", target), new XAttribute("bus", bus)),
            disk.Spec.ReadOnly || disk.Spec.Floppy || disk.Spec.IsCd ? new XElement("readonly") : null,
            order is { } number ? new XElement("boot", new XAttribute("order", number)) : null);
    }

    private static IEnumerable<XElement> Ports() => Enumerable.Repeat("pcie-root-port", PciExpressPorts).Prepend("pcie-root")
        .Select(static model => new XElement("controller", new XAttribute("type", "pci"), new XAttribute("model", model)));

    private static XElement Adapter(string network, int index, MachineSpec machine) => new(
        "interface",
        new XAttribute("type", "network"),
        index == 0 && machine.MacAddress is { } mac ? new XElement("mac", new XAttribute("address", mac)) : null,
        new XElement("source", new XAttribute("network", network)),
        new XElement("model", new XAttribute("type", machine.GuestSystem is { HasVirtioNetwork: false } ? "e1000e" : "virtio")));

    private static XElement Pty(string name, string? target) => new(
        name,
        new XAttribute("type", "pty"),
        new XElement("target", target is null ? null : new XAttribute("type", target), new XAttribute("port", 0)));

    private static IEnumerable<XElement> Screen(DomainCapabilities offer, MachineChoice choice)
    {
        var model = ((string[])["virtio", "vga", "cirrus"]).FirstOrDefault(one => offer.VideoModels.Contains(one, StringComparer.Ordinal));
        if (model is null || !offer.GraphicsTypes.Contains("vnc", StringComparer.Ordinal))
        {
            yield return new XElement("video", new XElement("model", new XAttribute("type", "none")));
            yield break;
        }

        if (HasUsb(offer, choice))
        {
            yield return new XElement("input", new XAttribute("type", "tablet"), new XAttribute("bus", "usb"));
        }

        yield return new XElement(
            "graphics", new XAttribute("type", "vnc"), new XAttribute("port", -1), new XAttribute("autoport", "yes"),
            new XElement("listen", new XAttribute("type", "address"), new XAttribute("address", "127.0.0.1")));
        yield return new XElement("video", new XElement("model", new XAttribute("type", model)));
    }
}
