using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Power;

/// <summary>Saves VMs on their hosts, by a job of libvirt's that can be aborted.</summary>
internal static class ManagedSave
{
    private static readonly AbortableJob Job = new(
        Operation: 2, // VIR_DOMAIN_JOB_OPERATION_SAVE
        "saving the VM", "Look with Get-KumoiVM whether it runs or has a saved state.");

    /// <summary>libvirt-domain: virDomainManagedSave. Cancelled, it waits until the VM is known to go on.</summary>
    /// <inheritdoc cref="AbortableJob.RunAsync"/>
    public static Task<Done> SaveAsync(LibvirtLink host, Guid id, CancellationToken cancellationToken) =>
        Job.RunAsync(host, id, connection => Save(connection, id), cancellationToken);

    /// <summary>Whether the VM's memory is saved, and its next start goes on from there.</summary>
    public static bool IsThere(LibvirtConnection connection, DomainHandle domain)
    {
        var isHeld = false;
        domain.DangerousAddRef(ref isHeld);
        try
        {
            var hasSaved = NativeDomain.virDomainHasManagedSaveImage(domain.DangerousGetHandle(), 0);
            return hasSaved < 0 && connection.Loss is not null
                ? throw connection.Failed($"look whether VM '{domain.Name}' is saved") : hasSaved > 0;
        }
        finally
        {
            domain.DangerousRelease();
        }
    }

    private static Done Save(LibvirtConnection connection, Guid id)
    {
        using var domain = connection.GetDomain(id);
        if (NativeDomain.virDomainManagedSave(domain, 0) == 0)
        {
            return default;
        }

        var failure = NativeError.Last();
        var doing = $"save VM '{domain.Name}'";
        // Whoever comes second waits for the first, and is then told only that the guest has quit.
        throw connection.Loss is null && IsThere(connection, domain)
            ? connection.ToException(
                new LibvirtFailure(LibvirtCode.OperationInvalid, LibvirtOrigin.None, 0, "somebody else has saved it meanwhile"), doing,
                CallKind.Read)
            : connection.ToException(failure, doing, CallKind.Write);
    }
}
