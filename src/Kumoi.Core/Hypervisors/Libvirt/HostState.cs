using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt;

/// <summary>What libvirt keeps of a VM on its host apart from its definition and its disks. Blocks.</summary>
internal static class HostState
{
    private const uint InactiveXml = 1 << 1; // VIR_DOMAIN_XML_INACTIVE

    /// <summary>libvirt-domain: virDomainHasManagedSaveImage; libvirt-domain-snapshot: virDomainSnapshotNum; and, in the definition, its firmware's
    /// variables and its TPM (https://libvirt.org/formatdomain.html).</summary>
    public static unsafe string? Find(LibvirtConnection connection, DomainHandle domain)
    {
        // What a driver does not support it does not keep.
        if (NativeDomain.virDomainHasManagedSaveImage(domain, 0) > 0)
        {
            return "a saved state (managed save)";
        }

        if (NativeDomain.virDomainSnapshotNum(domain, 0) > 0)
        {
            return "snapshots";
        }

        string xml = NativeString.Take(NativeDomain.virDomainGetXMLDesc(domain, InactiveXml)) ?? throw connection.Failed($"read the XML of VM '{domain.Name}'");
        XElement definition = DomainDefinition.Parse(xml);
        return definition.Element("os") is { } os && (os.Element("nvram") is not null || (string?)os.Attribute("firmware") is "efi") ? "the variables of its UEFI firmware"
            : definition.Elements("devices").Elements("tpm").Elements("backend").Any(static backend => (string?)backend.Attribute("type") is "emulator") ? "the state of its TPM"
            : null;
    }
}
