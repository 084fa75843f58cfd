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

    private static Done Save(LibvirtConnection connection, Guid id)
    {
        using var domain = connection.GetDomain(id);
        return NativeDomain.virDomainManagedSave(domain, 0) == 0
            ? default
            : throw connection.ToException(NativeError.Last(), $"save VM '{domain.Name}'", CallKind.Job);
    }
}
