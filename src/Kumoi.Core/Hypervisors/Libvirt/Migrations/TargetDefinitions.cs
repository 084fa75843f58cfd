using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>What a VM is at its target, where its disks are others. With secrets: it goes to libvirt, and nowhere else.</summary>
/// <param name="Live">As it runs.</param>
/// <param name="Persistent">As it is started next; null: it has no definition.</param>
internal sealed record TargetDefinitions(string Live, string? Persistent)
{
    /// <summary>Reads it at the source. Blocks.</summary>
    public static TargetDefinitions Read(LibvirtConnection connection, Guid id, bool isPersistent, IReadOnlyList<DiskCopy> disks)
    {
        using var domain = connection.GetDomain(id);
        return new(
            StorageMoves.Redirect(DomainCalls.ReadSent(connection, domain), disks),
            isPersistent ? StorageMoves.Redirect(DomainCalls.ReadDefinition(connection, domain), disks) : null);
    }

    /// <summary>Nothing of it is told.</summary>
    public override string ToString() => nameof(TargetDefinitions);
}
