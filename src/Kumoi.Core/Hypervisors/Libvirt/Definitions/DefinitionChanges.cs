using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>Definitions of VMs that are there, as a whole and in their words. Its methods block.</summary>
internal static class DefinitionChanges
{
    private const int DescriptionText = 0; // VIR_DOMAIN_METADATA_DESCRIPTION
    private const int TitleText = 1; // VIR_DOMAIN_METADATA_TITLE

    /// <summary>libvirt-domain: virDomainSetMetadata. Both, or none.</summary>
    public static VMTexts Describe(LibvirtConnection connection, DescribeVM call)
    {
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = DeviceChange.ReadBoth(connection, domain);
        var before = VMTexts.Of((definition ?? now)!);
        var impact = DeviceChange.Impact(now, definition);
        if (call.Title is { } title)
        {
            Set(connection, domain, TitleText, title, impact);
        }

        try
        {
            if (call.Description is { } description)
            {
                Set(connection, domain, DescriptionText, description, impact);
            }
        }
        catch (HypervisorException e) when (!e.OutcomeUnknown && call.Title is not null)
        {
            Set(connection, domain, TitleText, before.Title, impact);
            throw;
        }

        return before;
    }

    /// <summary>
    /// libvirt-domain: virDomainDefineXMLFlags with VIR_DOMAIN_DEFINE_VALIDATE. libvirt cannot compare and replace in one step: between
    /// the look and the change somebody may have changed it.
    /// </summary>
    public static string Redefine(LibvirtConnection connection, RedefineVM call)
    {
        using var domain = connection.GetDomain(call.Id);
        if (!VMDefiner.IsPersistent(connection, domain))
        {
            throw new HypervisorException(
                $"'{domain.Name}' has no definition: it is gone when it stops.", FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Make a VM of its XML with New-KumoiVM -Xml.");
        }

        var wanted = Redefinition.Make(DomainCalls.ReadDefinition(connection, domain), call.Before, call.Xml);
        VMDefiner.Redefine(connection, wanted, $"define VM '{domain.Name}'", validate: true);
        return DomainCalls.ReadDefinition(connection, domain);
    }

    /// <summary>libvirt takes no text for none.</summary>
    private static void Set(LibvirtConnection connection, DomainHandle domain, int type, string text, uint impact) =>
        connection.Change(
            NativeDomain.virDomainSetMetadata(domain, type, text.Length == 0 ? null : text, null, null, impact),
            $"describe VM '{domain.Name}'");
}
