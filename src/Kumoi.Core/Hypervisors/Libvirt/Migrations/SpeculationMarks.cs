using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// Reads and writes the <see cref="SpeculationMark"/> of a VM: of its run, and, where it has one, of its definition, because that
/// goes to the target as well. Its methods block, while the VM is in a migration up to 30 s.
/// </summary>
internal static unsafe class SpeculationMarks
{
    private const int MetadataElement = 2; // VIR_DOMAIN_METADATA_ELEMENT

    // virDomainModificationImpact
    private const uint AffectLive = 1;
    private const uint AffectConfig = 2;

    /// <summary>Null takes the mark off, and gives the VM back what it had outside of its definition.</summary>
    public static void Set(LibvirtConnection connection, DomainHandle domain, SpeculationMark? mark)
    {
        var isPersistent = VMDefiner.IsPersistent(connection, domain);
        var flags = (VMDefiner.IsActive(connection, domain) ? AffectLive : 0) | (isPersistent ? AffectConfig : 0);
        if (mark is null && isPersistent && Read(connection, domain) is { IsAutostart: true })
        {
            // A definition that comes by a migration, or is made anew, has lost it. First this: while the mark is there it can be done
            // again.
            HostBoundState.SetAutostart(connection, domain, true);
        }

        var result = NativeDomain.virDomainSetMetadata(
            domain, MetadataElement, mark is null ? null : SpeculationMetadata.Write(mark), SpeculationMetadata.Prefix,
            SpeculationMetadata.Namespace, flags);
        if (result != 0)
        {
            var failure = NativeError.Last();
            if (mark is not null || failure.Code != LibvirtCode.NoDomainMetadata)
            {
                throw connection.ToException(failure, $"write the metadata of VM '{domain.Name}'", CallKind.Write);
            }
        }
    }

    /// <summary>Removes the mark of that operation; another one's stays.</summary>
    public static void Remove(LibvirtConnection connection, DomainHandle domain, OperationId operation)
    {
        if (IsOf(connection, domain, operation))
        {
            Set(connection, domain, null);
        }
    }

    /// <summary>Whether the VM carries the mark of that operation. Never waits.</summary>
    public static bool IsOf(LibvirtConnection connection, DomainHandle domain, OperationId operation) =>
        Read(connection, domain)?.Operation == operation;

    /// <summary>libvirt-domain: virConnectListAllDomains, and virDomainGetMetadata of each.</summary>
    public static IReadOnlyList<MarkedVM> ReadAll(LibvirtConnection connection)
    {
        List<MarkedVM> marked = [];
        using var domains = VMDefiner.ListDomains(connection);
        foreach (var domain in domains)
        {
            if (Read(connection, domain) is { } mark)
            {
                marked.Add(new MarkedVM(Id(domain), domain.Name, mark));
            }
        }

        return marked;
    }

    private static Guid Id(DomainHandle domain)
    {
        var isHeld = false;
        domain.DangerousAddRef(ref isHeld);
        try
        {
            return VMStats.Id(domain.DangerousGetHandle());
        }
        finally
        {
            domain.DangerousRelease();
        }
    }

    /// <summary>The mark that the VM carries, of its run, or, while it is off, of its definition; null: none. Never waits.</summary>
    public static SpeculationMark? Read(LibvirtConnection connection, DomainHandle domain)
    {
        var element = NativeDomain.virDomainGetMetadata(domain, MetadataElement, SpeculationMetadata.Namespace, 0);
        if (element != null)
        {
            return SpeculationMetadata.ReadElement(NativeString.Take(element)!);
        }

        var failure = NativeError.Last();
        return failure.Code is LibvirtCode.NoDomainMetadata or LibvirtCode.NoDomain
            ? null
            : throw connection.ToException(failure, $"read the metadata of VM '{domain.Name}'", CallKind.Read);
    }
}
