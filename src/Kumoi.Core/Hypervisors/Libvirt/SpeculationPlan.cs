using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt;

/// <summary>
/// Reads and writes the <see cref="SpeculationMetadata"/> of a VM: of its run, and, where it has one, of its definition, because that
/// goes to the target as well. Its methods block, while the VM is in a migration up to 30 s.
/// </summary>
internal static unsafe class SpeculationPlan
{
    private const int MetadataElement = 2; // VIR_DOMAIN_METADATA_ELEMENT

    // virDomainModificationImpact
    private const uint AffectLive = 1;
    private const uint AffectConfig = 2;

    public static void Set(LibvirtConnection connection, DomainHandle domain, MigrationPlan plan) =>
        Write(connection, domain, SpeculationMetadata.Write(plan));

    /// <summary>Removes the plan of that operation; another one's stays.</summary>
    public static void Remove(LibvirtConnection connection, DomainHandle domain, OperationId operation)
    {
        if (IsOf(connection, domain, operation))
        {
            Write(connection, domain, null);
        }
    }

    /// <summary>Whether the VM carries the plan of that operation. Never waits.</summary>
    public static bool IsOf(LibvirtConnection connection, DomainHandle domain, OperationId operation)
    {
        byte* element = NativeDomain.virDomainGetMetadata(domain, MetadataElement, SpeculationMetadata.Namespace, 0);
        if (element != null)
        {
            return SpeculationMetadata.ReadElement(NativeString.Take(element)!) == operation;
        }

        LibvirtFailure failure = NativeError.Last();
        return failure.Code is LibvirtCode.NoDomainMetadata or LibvirtCode.NoDomain
            ? false
            : throw connection.ToException(failure, $"read the metadata of VM '{domain.Name}'", CallKind.Read);
    }

    private static void Write(LibvirtConnection connection, DomainHandle domain, string? plan)
    {
        uint flags = (VMDefiner.IsActive(connection, domain) ? AffectLive : 0) | (VMDefiner.IsPersistent(connection, domain) ? AffectConfig : 0);
        int result = NativeDomain.virDomainSetMetadata(
            domain, MetadataElement, plan, SpeculationMetadata.Prefix, SpeculationMetadata.Namespace, flags);
        if (result != 0)
        {
            throw connection.Failed($"write the metadata of VM '{domain.Name}'", CallKind.Change);
        }
    }
}
