using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Power;

/// <summary>Calls that start and stop VMs.</summary>
internal static class PowerCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, StartVM call, CancellationToken token) =>
            host.ChangeAsync(call.Id, (connection, domain) => DomainCalls.Start(connection, domain, call.Paused), token))
        .Add(static (LibvirtLink host, ShutdownVM call, CancellationToken token) => host.ChangeAsync(call.Id, DomainCalls.Shutdown, token))
        .Add(static (LibvirtLink host, DestroyVM call, CancellationToken token) => host.ChangeAsync(call.Id, DomainCalls.Destroy, token))
        .Add(static (LibvirtLink host, RebootVM call, CancellationToken token) => host.ChangeAsync(call.Id, DomainCalls.Reboot, token))
        .Add(static (LibvirtLink host, ResetVM call, CancellationToken token) => host.ChangeAsync(call.Id, DomainCalls.Reset, token))
        .Add(static (LibvirtLink host, SuspendVM call, CancellationToken token) => host.ChangeAsync(call.Id, DomainCalls.Suspend, token))
        .Add(static (LibvirtLink host, SaveVM call, CancellationToken token) => ManagedSave.SaveAsync(host, call.Id, token))
        .Add(static (LibvirtLink host, ResumeVM call, CancellationToken token) => host.ChangeAsync(call.Id, DomainCalls.Resume, token));
}
