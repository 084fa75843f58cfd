using System.Buffers.Binary;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>
/// What makes a definition a template: an id of its own kind, and an element in its metadata
/// (https://libvirt.org/formatdomain.html#general-metadata) with the disks that copies of it get. A template never starts and never
/// changes, so that disks can be built on its own. The id tells it from VMs wherever VMs are listed, without a call for each: it is of
/// version 8 (RFC 9562), and begins as no VM's does that was not made here.
/// </summary>
internal static class TemplateMark
{
    /// <summary>"kumoit", as the first six bytes of an id.</summary>
    private const ulong Begin = 0x6b75_6d6f_6974_0000;

    private const ulong BeginMask = 0xffff_ffff_ffff_f000; // and the version's four bits
    private const ulong Version8 = 0x8000;

    private const string Prefix = "kumoi-template";

    private static readonly XNamespace Template = DomainDefinition.KumoiNamespace + "/template";

    /// <summary>An id for a new template.</summary>
    public static Guid NewId()
    {
        var bytes = Guid.NewGuid().ToByteArray(bigEndian: true);
        BinaryPrimitives.WriteUInt64BigEndian(
            bytes, Begin | Version8 | (BinaryPrimitives.ReadUInt64BigEndian(bytes) & ~BeginMask));
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Whether what has this id is a template.</summary>
    public static bool IsOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = id.TryWriteBytes(bytes, bigEndian: true, out _);
        return (BinaryPrimitives.ReadUInt64BigEndian(bytes) & BeginMask) == (Begin | Version8);
    }

    /// <summary>
    /// Makes a template of a definition: its disks become read-only, so that whoever starts it with another program spoils nothing, where
    /// a disk's bus has such.
    /// </summary>
    public static void Set(XElement domain)
    {
        var disks = DomainCopy.WritableDisks(domain).ToList();
        if (domain.Element("uuid") is { } uuid)
        {
            uuid.Value = NewId().ToString("D");
        }
        else
        {
            domain.AddFirst(new XElement("uuid", NewId().ToString("D")));
        }

        Remove(domain);
        if (domain.Element("metadata") is not { } metadata)
        {
            domain.Add(metadata = new XElement("metadata"));
        }

        metadata.Add(new XElement(
            Template + "template",
            new XAttribute(XNamespace.Xmlns + Prefix, Template.NamespaceName),
            disks.Select(static disk => new XElement(Template + "disk", new XAttribute("target", DiskDefinition.TargetOf(disk))))));
        foreach (var disk in disks.Where(static disk => (string?)disk.Element("target")?.Attribute("bus") is not ("ide" or "sata")))
        {
            disk.Add(new XElement("readonly"));
        }
    }

    /// <summary>Makes of a template's definition that of a VM, which writes to those disks. Its id stays.</summary>
    public static void Unset(XElement domain)
    {
        foreach (var target in Of(domain)?.Elements(Template + "disk").Attributes("target").Select(static target => target.Value) ?? [])
        {
            DiskDefinition.Find(domain, target)?.Elements("readonly").Remove();
        }

        Remove(domain);
    }

    /// <summary>Nothing can be built on it any more, or again: somebody removes it.</summary>
    public static void SetClosed(XElement domain, bool isClosed) => Of(domain)?.SetAttributeValue("closed", isClosed ? "yes" : null);

    /// <summary>Fails unless copies can be made of what this definition is.</summary>
    /// <exception cref="HypervisorException">InvalidState, of domain Host: on another host there may be such a template.</exception>
    public static void EnsureOpen(XElement domain, string host)
    {
        var name = (string?)domain.Element("name");
        if (Of(domain) is not { } mark)
        {
            throw new HypervisorException(
                $"'{name}' on {host} has the id of a template, but is none.", FaultDomain.Host, error: HypervisorError.InvalidState,
                recommendedAction: "Somebody has changed its definition: make a template anew with New-KumoiTemplate.");
        }

        if (mark.Attribute("closed") is not null)
        {
            throw new HypervisorException(
                $"The template '{name}' on {host} is being removed.", FaultDomain.Host, error: HypervisorError.InvalidState,
                recommendedAction: "Use another one. If nobody is removing it, Remove-KumoiTemplate was interrupted: call it again.");
        }
    }

    private static XElement? Of(XElement domain) => domain.Elements("metadata").Elements(Template + "template").FirstOrDefault();

    private static void Remove(XElement domain) =>
        domain.Elements("metadata").Elements().Where(static element => element.Name.Namespace == Template).Remove();
}
