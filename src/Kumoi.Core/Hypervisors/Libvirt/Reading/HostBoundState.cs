using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>What libvirt keeps of a VM on its host apart from its definition and its disks. Blocks.</summary>
internal static class HostBoundState
{
    private const uint InactiveXml = 1 << 1; // VIR_DOMAIN_XML_INACTIVE

    /// <summary>libvirt-domain: virDomainHasManagedSaveImage; libvirt-domain-snapshot: virDomainSnapshotNum; and, in the definition, its
    /// firmware's variables and its TPM (https://libvirt.org/formatdomain.html).</summary>
    public static unsafe string? Find(LibvirtConnection connection, DomainHandle domain)
    {
        // What a driver does not support it does not keep.
        if (ManagedSave.IsThere(connection, domain))
        {
            return "a saved state (managed save)";
        }

        if (NativeSnapshot.virDomainSnapshotNum(domain, 0) > 0)
        {
            return "snapshots";
        }

        var xml = NativeString.Take(NativeDomain.virDomainGetXMLDesc(domain, InactiveXml))
            ?? throw connection.Failed($"read the XML of VM '{domain.Name}'");
        var definition = DomainDefinition.Parse(xml);
        return definition.Element("os") is { } os && (os.Element("nvram") is not null || (string?)os.Attribute("firmware") is "efi")
            ? "the variables of its UEFI firmware"
            : definition.Elements("devices").Elements("tpm").Elements("backend")
                .Any(static backend => (string?)backend.Attribute("type") is "emulator") ? "the state of its TPM"
            : null;
    }

    /// <summary>libvirt-domain: virDomainManagedSaveRemove. Fine where there is none.</summary>
    public static void DiscardSaved(LibvirtConnection connection, DomainHandle domain)
    {
        if (ManagedSave.IsThere(connection, domain))
        {
            connection.Change(NativeDomain.virDomainManagedSaveRemove(domain, 0), $"throw away the saved state of VM '{domain.Name}'");
        }
    }

    /// <summary>
    /// Whether the host starts the VM with itself (libvirt-domain: virDomainGetAutostart); false where its driver does not know.
    /// </summary>
    public static unsafe bool IsAutostart(DomainHandle domain)
    {
        var isHeld = false;
        domain.DangerousAddRef(ref isHeld);
        try
        {
            var isAutostart = 0;
            return NativeDomain.virDomainGetAutostart(domain.DangerousGetHandle(), &isAutostart) == 0 && isAutostart != 0;
        }
        finally
        {
            domain.DangerousRelease();
        }
    }

    /// <summary>libvirt-domain: virDomainSetAutostart.</summary>
    public static void SetAutostart(LibvirtConnection connection, DomainHandle domain, bool isAutostart)
    {
        connection.Change(NativeDomain.virDomainSetAutostart(domain, isAutostart ? 1 : 0), $"set the autostart of VM '{domain.Name}'");
    }
}
