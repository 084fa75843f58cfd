using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// Removes what an operation on several hosts has left of a VM. libvirt stops and undefines by the VM's id, so that the nearest to one step
/// is to look at the VM's mark and state at once before each, and to see that it is still the same run of the VM. Blocks.
/// </summary>
internal static class MarkedCopies
{
    // virDomainUndefineFlagsValues, the richest that a driver knows: KEEP_NVRAM | KEEP_TPM, KEEP_NVRAM, none.
    private static readonly uint[] UndefineFlags = [8 | 64, 8, 0];

    /// <summary>False: what the host has is not that copy, and was not touched.</summary>
    public static bool Remove(LibvirtConnection connection, Guid id, CopyRemoval removal)
    {
        using var domain = connection.FindDomain(id);
        if (domain is null || !Fits(connection, domain, id, removal))
        {
            return false;
        }

        if (removal.Kind is CopyRemovalKind.Undo)
        {
            IReadOnlyList<string>? kept = VMDefiner.Undo(connection, domain, removal.Operation);
            CallWarnings.Tell(kept ?? []);
            return kept is not null;
        }

        if (VMDefiner.IsActive(connection, domain))
        {
            if (!IsSameRun(connection, domain, id))
            {
                return false;
            }

            Stop(connection, domain);
        }

        return removal.Kind is CopyRemovalKind.Stop || TryUndefine(connection, id, removal.Operation);
    }

    private static bool Fits(LibvirtConnection connection, DomainHandle domain, Guid id, CopyRemoval removal) =>
        removal.Fits(SpeculationMarks.Read(connection, domain), WhereaboutsReader.Read(connection, id));

    /// <summary>It was not stopped and started again since it was looked up.</summary>
    private static bool IsSameRun(LibvirtConnection connection, DomainHandle domain, Guid id)
    {
        using var now = connection.FindDomain(id);
        return now is not null && now.RunNumber == domain.RunNumber;
    }

    private static void Stop(LibvirtConnection connection, DomainHandle domain)
    {
        if (NativeDomain.virDomainDestroy(domain) != 0
            && NativeError.Last() is var failure and not { Code: LibvirtCode.OperationInvalid or LibvirtCode.NoDomain })
        {
            throw connection.ToException(failure, $"stop VM '{domain.Name}'", CallKind.Write);
        }
    }

    /// <summary>
    /// What the VM has left when it was stopped, if it is the operation's: its number is that of the VM at its source, which goes along
    /// with a definition. An older definition, which has no mark, was there before.
    /// </summary>
    private static bool TryUndefine(LibvirtConnection connection, Guid id, OperationId operation)
    {
        using var domain = connection.FindDomain(id);
        if (domain is null || !VMDefiner.IsPersistent(connection, domain)
            || SpeculationMarks.Read(connection, domain)?.Operation != operation)
        {
            return true;
        }

        if (VMDefiner.IsActive(connection, domain) || ManagedSave.IsThere(connection, domain))
        {
            return false;
        }

        LibvirtFailure failure = default;
        foreach (var flags in UndefineFlags)
        {
            if (NativeDomain.virDomainUndefineFlags(domain, flags) == 0)
            {
                return true;
            }

            failure = NativeError.Last();
            if (failure.Code is not (LibvirtCode.InvalidArgument or LibvirtCode.ArgumentUnsupported))
            {
                break;
            }
        }

        return failure.Code is LibvirtCode.NoDomain
            ? true : throw connection.ToException(failure, $"remove VM '{domain.Name}'", CallKind.Write);
    }
}
