using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>Every call goes through the host's policy and throttle, to a link that is opened if need be.</summary>
internal sealed class ResilienceLayer(DriverSlot slot) : LinkLayer
{
    public override ValueTask<T> SendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken) => call switch
    {
        { Kind: CallKind.Step } => next.To(slot.Latest!).SendAsync(call, cancellationToken),
        { OtherHost: HostLink other } => SendWithOtherAsync(call, other.Host.Driver, next, cancellationToken),
        _ => RunAsync(call, next, cancellationToken),
    };

    /// <summary>Another host that cannot be reached fails here, as that host, before this one's policy sees anything.</summary>
    private async ValueTask<T> SendWithOtherAsync<T>(HostCall<T> call, DriverSlot other, Next next, CancellationToken cancellationToken)
    {
        await other.OpenAsync(cancellationToken);
        return await RunAsync(call, next, cancellationToken);
    }

    private async ValueTask<T> RunAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await slot.Policy.RunAsync(
                call.Kind,
                call.Kind is CallKind.Job ? slot.Throttle.Jobs : slot.Throttle.Calls,
                static (state, token) => state.Layer.TryOnceAsync(state.Call, state.Next, token),
                (Layer: this, Call: call, Next: next),
                cancellationToken);
            slot.IsSilent = false;
            return answer;
        }
        catch (HypervisorException e) when (call.Kind is not CallKind.Job) // a job may have lost its target
        {
            slot.IsSilent = e.Error is HypervisorError.TimedOut or HypervisorError.ConnectionFailed or HypervisorError.CircuitOpen;
            throw;
        }
    }

    private async ValueTask<T> TryOnceAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken)
    {
        var link = await slot.CurrentAsync(cancellationToken);
        try
        {
            return await next.To(link).SendAsync(call, cancellationToken);
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.ConnectionFailed && call.Kind is not CallKind.Job)
        {
            // A job may have lost its target, and closing this link would end all other jobs on it. The next call tells.
            await slot.DropAsync(link, e);
            throw;
        }
    }
}
