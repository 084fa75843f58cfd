using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>Calls that read hosts and VMs.</summary>
internal static class ReadingCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, ReadHost call, CancellationToken token) => HostReadings.Of(host).ReadAsync(call.IncludeVMs, token))
        .Add(static (LibvirtLink host, ReadVMs call, CancellationToken token) => host.ReadAsync(
            connection => HostReadings.Of(host).VMs.ReadAll(connection, call.WithTemplates), token))
        .Add(static (LibvirtLink host, FindVM call, CancellationToken token) => host.ReadAsync(
            connection => HostReadings.Of(host).ReadIfFound(connection, connection.FindDomain(call.Id)), token))
        .Add(static (LibvirtLink host, FindVMByName call, CancellationToken token) => host.ReadAsync(
            connection => HostReadings.Of(host).ReadIfFound(connection, connection.FindDomain(call.Given)), token))
        // libvirt-domain: virDomainGetXMLDesc, without VIR_DOMAIN_XML_SECURE.
        .Add(static (LibvirtLink host, ReadXml call, CancellationToken token) => host.ReadAsync(call.Id, DomainCalls.ReadXml, token))
        // libvirt-domain: virDomainGetXMLDesc, with VIR_DOMAIN_XML_INACTIVE and VIR_DOMAIN_XML_SECURE.
        .Add(static (LibvirtLink host, ReadDefinition call, CancellationToken token) => host.ReadAsync(
            call.Id, DomainCalls.ReadDefinition, token))
        .Add(static (LibvirtLink host, ReadScreen call, CancellationToken token) =>
            host.ReadAsync(call.Id, (connection, domain) => ScreenReader.Read(connection, domain, host.Time), token))
        .Add(static (LibvirtLink host, ReadGuestAgent call, CancellationToken token) => host.ReadAsync(
            call.Id,
            static (connection, domain) => GuestAgentDefinition.Read(DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain))), token))
        .Add(static (LibvirtLink host, FindHostBoundState call, CancellationToken token) => host.ReadAsync(
            call.Id, HostBoundState.Find, token));
}
