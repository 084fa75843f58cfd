using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;

namespace Kumoi.Fleets.Links;

/// <summary>The session's fault rules hit calls here, as if the hypervisor had failed.</summary>
/// <param name="hostName">The host's name in the session.</param>
/// <param name="plan">The rules.</param>
internal sealed class FaultLayer(string hostName, FaultPlan plan) : LinkLayer
{
    public override ValueTask<T> SendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken) =>
        plan.IsEmpty ? next.SendAsync(call, cancellationToken) : new(HitAsync(call, next, cancellationToken));

    private async Task<T> HitAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken)
    {
        var vm = call.VMName
            ?? (call.VMId is { } id && plan.NeedsVMNames ? (await next.SendAsync(new FindVM(id), cancellationToken))?.Name : null);
        if (plan.Hit(call.FaultOperation, call.Name, hostName, call.OtherHost?.HostName, vm) is not { } rule)
        {
            return await next.SendAsync(call, cancellationToken);
        }

        await plan.HoldAsync(rule, cancellationToken);
        if (rule.OnlyDelays)
        {
            return await next.SendAsync(call, cancellationToken);
        }

        if (rule.OutcomeUnknown)
        {
            await next.SendAsync(call, cancellationToken);
        }

        throw FaultPlan.Failure(rule, HypervisorError.Other);
    }
}
