using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.FaultTolerance;

/// <summary>Calls that make checkpoints of VMs, and that go on from them.</summary>
internal static class CheckpointCalls
{
    // virDomainSnapshotCreateFlags
    private const uint NoMetadata = 1 << 2;
    private const uint Live = 1 << 8;

    private const uint RestorePaused = 1 << 2; // VIR_DOMAIN_SAVE_PAUSED

    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, MakeCheckpoint call, CancellationToken token) =>
            host.RunJobAsync(connection => Make(connection, call)).WaitAsync(token))
        .Add(static (LibvirtLink host, RestoreCheckpoint call, CancellationToken token) =>
            host.RunJobAsync(connection => Restore(connection, call)).WaitAsync(token))
        .Add(static (LibvirtLink host, ReadPairMarks _, CancellationToken token) => host.ReadAsync(PairMarksReader.Read, token));

    /// <summary>
    /// libvirt-domain-snapshot: virDomainSnapshotCreateXML, of the memory only, live, of which libvirt keeps no record.
    /// </summary>
    private static Done Make(LibvirtConnection connection, MakeCheckpoint call)
    {
        using var domain = connection.GetDomain(call.Id);
        var disks = DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain)).Elements("devices").Elements("disk")
            .Select(static disk => new XElement(
                "disk", new XAttribute("name", (string?)disk.Element("target")?.Attribute("dev") ?? ""), new XAttribute("snapshot", "no")));
        var description = new XElement(
            "domainsnapshot",
            new XElement("memory", new XAttribute("snapshot", "external"), new XAttribute("file", call.Path)),
            new XElement("disks", disks));
        var snapshot = NativeSnapshot.virDomainSnapshotCreateXML(domain, description.ToString(), Live | NoMetadata);
        if (snapshot == 0)
        {
            throw connection.ToException(NativeError.Last(), $"make a checkpoint of VM '{domain.Name}'", CallKind.Write);
        }

        _ = NativeSnapshot.virDomainSnapshotFree(snapshot);
        return default;
    }

    /// <summary>libvirt-domain: virDomainRestoreFlags, virDomainSaveImageGetXMLDesc.</summary>
    private static unsafe Done Restore(LibvirtConnection connection, RestoreCheckpoint call)
    {
        string? definition = null;
        if (call.IsDrill)
        {
            var saved = NativeString.Take(NativeDomain.virDomainSaveImageGetXMLDesc(connection.Handle, call.Path, 0))
                ?? throw connection.ToException(NativeError.Last(), $"read the checkpoint '{call.Path}'", CallKind.Read);
            definition = WithoutConsoles(DomainDefinition.Parse(saved)).ToString();
        }

        return NativeDomain.virDomainRestoreFlags(connection.Handle, call.Path, definition, RestorePaused) == 0
            ? default
            : throw connection.ToException(NativeError.Last(), $"restore the checkpoint '{call.Path}'", CallKind.Write);
    }

    /// <summary>Its ports are there, and lead nowhere: the pair's gate takes a second connection for a new one of the VM itself.</summary>
    private static XElement WithoutConsoles(XElement domain)
    {
        foreach (var port in domain.Elements("devices").Elements().Where(static device => device.Name.LocalName is "serial" or "console"))
        {
            port.SetAttributeValue("type", "null");
            port.Elements("source").Remove();
            port.Elements("protocol").Remove();
            port.Elements("log").Remove();
        }

        return domain;
    }
}
