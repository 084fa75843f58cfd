using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>
/// Domain XML of a whole machine, as virt-install makes one (https://libvirt.org/formatdomain.html): for both drivers, by what the host
/// offers.
/// </summary>
internal static class MachineDefinition
{
    private static readonly XNamespace Libosinfo = "http://libosinfo.org/xmlns/libvirt/domain/1.0";

    /// <summary>The domain, without metadata of ours.</summary>
    /// <param name="spec">Checked before; has a <see cref="VMSpec.Machine"/>.</param>
    /// <param name="offer">Of the host, for the machine that was asked for.</param>
    /// <param name="disks">In the order of the specification's.</param>
    /// <param name="networks">Names of networks of the host.</param>
    /// <param name="host">Names the host in errors.</param>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.NotSupported"/>, of domain Host: it lacks what was asked
    /// for.</exception>
    public static XElement Build(
        VMSpec spec, DomainCapabilities offer, IReadOnlyList<MachineDisk> disks, IReadOnlyList<string> networks, string host)
    {
        var choice = MachineChoice.Make(spec, offer, host);
        var system = spec.Machine!.GuestSystem;
        return new XElement(
            "domain",
            new XAttribute("type", offer.DomainType),
            new XElement("name", spec.Name),
            spec.Id is { } id ? new XElement("uuid", id.ToString("D")) : null,
            spec.Description is { } description ? new XElement("description", description) : null,
            system is null or { Id: "" } ? null : new XElement("metadata", new XElement(
                Libosinfo + "libosinfo",
                new XAttribute(XNamespace.Xmlns + "libosinfo", Libosinfo.NamespaceName),
                new XElement(Libosinfo + "os", new XAttribute("id", system.Id)))),
            new XElement("memory", new XAttribute("unit", "b"), spec.MemoryBytes),
            new XElement("vcpu", spec.CpuCount),
            OS(spec, offer, choice),
            Features(offer, choice, system),
            Cpu(choice, spec.Machine.Topology),
            Clock(choice, system),
            choice.IsPC
                ? new XElement(
                    "pm",
                    new XElement("suspend-to-mem", new XAttribute("enabled", "no")),
                    new XElement("suspend-to-disk", new XAttribute("enabled", "no")))
                : null,
            MachineDevices.Build(spec, offer, choice, disks, networks));
    }

    private static XElement OS(VMSpec spec, DomainCapabilities offer, MachineChoice choice) => new(
        "os",
        choice.IsUefi ? new XAttribute("firmware", "efi") : null,
        new XElement(
            "type",
            new XAttribute("arch", offer.Architecture),
            offer.MachineType.Length > 0 ? new XAttribute("machine", offer.MachineType) : null,
            offer.OSType),
        // Without keys UEFI starts what is not signed, also where it could refuse it.
        choice.IsUefi ? new XElement(
            "firmware",
            choice.IsSecureBoot ? Feature("secure-boot", "yes") : null,
            Feature("enrolled-keys", choice.IsSecureBoot ? "yes" : "no")) : null,
        spec.Kernel is null ? null : new XElement("kernel", spec.Kernel),
        spec.Initrd is null ? null : new XElement("initrd", spec.Initrd),
        spec.KernelArguments is null ? null : new XElement("cmdline", spec.KernelArguments));

    private static XElement Feature(string name, string enabled) =>
        new("feature", new XAttribute("enabled", enabled), new XAttribute("name", name));

    private static XElement Features(DomainCapabilities offer, MachineChoice choice, GuestSystem? system) => new(
        "features",
        choice.IsPC ? new XElement("acpi") : null,
        choice.IsPC ? new XElement("apic") : null,
        // Windows is slow without, and software emulation has none.
        system is { IsWindows: true } && offer.DomainType is "kvm"
            ? new XElement(
                "hyperv", On("relaxed"), On("vapic"),
                new XElement("spinlocks", new XAttribute("state", "on"), new XAttribute("retries", 8191)))
            : null,
        choice.IsSecureBoot ? On("smm") : null);

    private static XElement On(string name) => new(name, new XAttribute("state", "on"));

    private static XElement? Cpu(MachineChoice choice, CpuTopology? topology)
    {
        var shape = topology is null ? null : new XElement(
            "topology", new XAttribute("sockets", topology.Sockets), new XAttribute("cores", topology.Cores),
            new XAttribute("threads", topology.Threads));
        return choice.CpuModel is { } model
            ? new XElement(
                "cpu", new XAttribute("mode", "custom"), new XAttribute("match", "exact"), new XAttribute("check", "partial"),
                new XElement("model", new XAttribute("fallback", "forbid"), model), shape)
            : choice.CpuMode is { } mode ? new XElement("cpu", new XAttribute("mode", mode), shape)
            : shape is null ? null : new XElement("cpu", shape);
    }

    private static XElement Clock(MachineChoice choice, GuestSystem? system) => new(
        "clock",
        new XAttribute("offset", system is { IsWindows: true } ? "localtime" : "utc"),
        choice.IsPC
            ? (XElement[])
            [
                new("timer", new XAttribute("name", "rtc"), new XAttribute("tickpolicy", "catchup")),
                new("timer", new XAttribute("name", "pit"), new XAttribute("tickpolicy", "delay")),
                new("timer", new XAttribute("name", "hpet"), new XAttribute("present", "no")),
            ]
            : null);
}
