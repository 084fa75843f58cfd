using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Reads the disks of VMs. Its methods block.</summary>
internal static unsafe class DiskReader
{
    public static IReadOnlyList<DiskReading> Read(LibvirtConnection connection, DomainHandle domain) =>
        [.. DiskDefinition.Of(DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain))).Select(disk => Read(domain, disk))];

    /// <summary>libvirt-domain: virDomainGetBlockInfo. Sizes that the host does not tell are left out.</summary>
    public static DiskReading Read(DomainHandle domain, XElement disk)
    {
        var reading = DiskDefinition.Read(disk);
        VirDomainBlockInfo info;
        return reading.Source is not null && NativeDomain.virDomainGetBlockInfo(domain, reading.Target, &info, 0) == 0
            ? reading with { CapacityBytes = (long)info.Capacity, AllocatedBytes = (long)info.Allocation }
            : reading;
    }
}
