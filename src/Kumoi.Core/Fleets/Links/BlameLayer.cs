using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets.Links;

/// <summary>
/// Whose failure it is when a migration fails. What the VM's own host has done to it counts as the VM's: no other target would do better.
/// </summary>
internal sealed class BlameLayer(LinkedHost host) : LinkLayer
{
    public override ValueTask<T> SendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken) =>
        call is MigrateVM ? new(MigrateAsync(call, next, cancellationToken)) : next.SendAsync(call, cancellationToken);

    private async Task<T> MigrateAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken)
    {
        try
        {
            return await next.SendAsync(call, cancellationToken);
        }
        catch (HypervisorException e) when (!e.OutcomeUnknown && e.FaultDomain is not FaultDomain.VM)
        {
            if (await WhyOutOfReachAsync(next, cancellationToken) is { } why)
            {
                var id = call.VMId!.Value;
                throw new HypervisorException(
                    $"{e.Message.TrimEnd('.')}. {host.Name}, the host of '{call.VMName ?? host.VMNames.Find(id) ?? id.ToString("D")}', is "
                        + $"out of reach: {why}",
                    FaultDomain.VM, e.IsTransient, outcomeUnknown: false, e.Error, e.NativeCode,
                    "Move the VM when its host answers again: other targets would fail too.", e);
            }

            throw;
        }
    }

    /// <summary>Null: the host answers.</summary>
    private static async Task<string?> WhyOutOfReachAsync(Next next, CancellationToken cancellationToken)
    {
        try
        {
            await next.SendAsync(new ReadHost(IncludeVMs: false), cancellationToken);
            return null;
        }
        catch (HypervisorException e)
        {
            return e.Message;
        }
    }
}
