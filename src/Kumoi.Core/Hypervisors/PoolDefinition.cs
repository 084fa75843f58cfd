using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>Storage pools in libvirt's XML (https://libvirt.org/formatstorage.html), and what is refused with them.</summary>
internal static class PoolDefinition
{
    public static string TypeOf(PoolKind kind) => kind switch
    {
        PoolKind.Nfs => "netfs",
        PoolKind.VolumeGroup => "logical",
        _ => "dir",
    };

    /// <summary>Where it has its volumes.</summary>
    public static string PathOf(PoolSpec spec) => spec.Kind is PoolKind.VolumeGroup ? $"/dev/{spec.Source}" : ImagePath.Normalize(spec.Path!);

    public static XElement Build(PoolSpec spec) => new(
        "pool",
        new XAttribute("type", TypeOf(spec.Kind)),
        new XElement("name", spec.Name),
        spec.Kind switch
        {
            PoolKind.Nfs => new XElement(
                "source",
                new XElement("host", new XAttribute("name", spec.SourceHost!)),
                new XElement("dir", new XAttribute("path", spec.Source!)),
                new XElement("format", new XAttribute("type", "nfs"))),
            PoolKind.VolumeGroup => new XElement(
                "source", new XElement("name", spec.Source!), new XElement("format", new XAttribute("type", "lvm2"))),
            _ => null,
        },
        new XElement("target", new XElement("path", PathOf(spec))));

    public static HypervisorException Exists(string host, string pool) => new(
        $"{host} already has a storage pool '{pool}'.", FaultDomain.Storage, error: HypervisorError.StorageFailed,
        recommendedAction: "Choose another name, or use that one (Get-KumoiPool).");

    public static HypervisorException SamePlace(string host, string pool, string other, string path) => new(
        $"The storage pool '{pool}' cannot be made on {host}: '{other}' has its volumes at '{path}' already.", FaultDomain.Storage,
        error: HypervisorError.StorageFailed, recommendedAction: "Use that pool, or give another path.");

    public static HypervisorException IsGone(string host, string pool) => new(
        $"{host} has no storage pool '{pool}' any more.", FaultDomain.Storage, error: HypervisorError.StorageFailed,
        recommendedAction: "Get-KumoiPool lists the storage pools of the hosts.");

    public static HypervisorException NotActive(string host, string pool) => new(
        $"The storage pool '{pool}' of {host} is not active.", FaultDomain.Storage, error: HypervisorError.StorageFailed,
        recommendedAction: "Start it with Start-KumoiPool.");

    /// <summary>For a pool that somebody uses.</summary>
    /// <param name="host">The host's name.</param>
    /// <param name="pool">The pool's name.</param>
    /// <param name="why">Who uses it, as a clause.</param>
    public static HypervisorException InUse(string host, string pool, string why) => new(
        $"The storage pool '{pool}' of {host} stays as it is: {why}.", FaultDomain.Storage, error: HypervisorError.InvalidState,
        recommendedAction: "Stop or move the VM, or give it other disks (Get-KumoiDisk shows what it has).");
}
