using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>What would start or change a template does not go out. An id tells whether it is one, so that no call has to ask.</summary>
internal sealed class TemplateLayer(LinkedHost host) : LinkLayer
{
    public override ValueTask<T> SendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken) =>
        call is VMChange<T> { IsForTemplates: false } change && TemplateMark.IsOf(change.Id)
            ? ValueTask.FromException<T>(Refuse(host.VMNames.Find(change.Id) ?? change.Id.ToString("D"), change.Name))
            : next.SendAsync(call, cancellationToken);

    private HypervisorException Refuse(string name, string call) => new(
        $"'{name}' on {host.Name} is a template, which neither starts nor changes ({call}): disks of VMs may be built on its own.",
        FaultDomain.VM, error: HypervisorError.InvalidState,
        recommendedAction: "Make a VM of it with New-KumoiVM -Template or Copy-KumoiVM, or remove it with Remove-KumoiTemplate.");
}
