using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Power;

/// <summary>Saves VMs on their hosts, by a job of libvirt's that can be aborted.</summary>
internal static class ManagedSave
{
    /// <summary>How long libvirt may take to abort.</summary>
    private static readonly TimeSpan AbortPatience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan BetweenAborts = TimeSpan.FromMilliseconds(100);

    /// <summary>libvirt-domain: virDomainManagedSave, virDomainAbortJob. Cancelled, it waits until the VM is known to go on.</summary>
    /// <exception cref="HypervisorException">Also when it was cancelled, and libvirt did not say what became of it.</exception>
    public static async Task<Done> SaveAsync(LibvirtLink host, Guid id, CancellationToken cancellationToken)
    {
        var saving = host.RunJobAsync(connection => Save(connection, id));
        await Task.WhenAny(saving, Task.Delay(Timeout.Infinite, cancellationToken));
        using var limit = new CancellationTokenSource(AbortPatience);
        while (!saving.IsCompleted && !limit.IsCancellationRequested) // it may not have begun when it was aborted first
        {
            await AbortAsync(host, id, limit.Token);
            await Task.WhenAny(saving, Task.Delay(BetweenAborts, limit.Token));
        }

        if (!saving.IsCompleted)
        {
            throw new HypervisorException(
                $"{host.HostName} did not stop saving the VM within {AbortPatience.TotalSeconds:0} s.", FaultDomain.Host,
                outcomeUnknown: true, error: HypervisorError.TimedOut,
                recommendedAction: "Look with Get-KumoiVM whether it runs or has a saved state.");
        }

        try
        {
            return await saving; // all of it may have been written before it was aborted
        }
        catch (HypervisorException e) when (cancellationToken.IsCancellationRequested && e.Error is HypervisorError.Aborted)
        {
            throw new OperationCanceledException("The VM goes on: saving it was stopped.", e, cancellationToken);
        }
    }

    private static Done Save(LibvirtConnection connection, Guid id)
    {
        using var domain = connection.GetDomain(id);
        return NativeDomain.virDomainManagedSave(domain, 0) == 0
            ? default
            : throw connection.ToException(NativeError.Last(), $"save VM '{domain.Name}'", CallKind.Job);
    }

    /// <summary>Only a save: what it may be waiting for is another's job. Which save it is, libvirt does not tell.</summary>
    private static void Abort(LibvirtConnection connection, DomainHandle domain)
    {
        if (DomainJob.IsSave(connection, domain))
        {
            DomainJob.Abort(connection, domain);
        }
    }

    private static async Task AbortAsync(LibvirtLink host, Guid id, CancellationToken cancellationToken)
    {
        try
        {
            await host.ChangeAsync(id, Abort, cancellationToken);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            // What became of it, the job itself tells.
        }
    }
}
