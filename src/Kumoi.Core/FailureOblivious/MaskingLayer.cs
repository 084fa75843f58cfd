using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FailureOblivious;

/// <summary>
/// Masks failures while a <see cref="FailureObliviousScope"/> is entered. Without one it hands calls through, and a call that succeeds
/// costs nothing more.
/// </summary>
internal sealed class MaskingLayer(LinkedHost host) : LinkLayer
{
    public override ValueTask<T> SendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken)
    {
        var sent = next.SendAsync(call, cancellationToken);
        if (call.Masking is MaskPolicy.Never || FailureObliviousScope.Current is not { } scope)
        {
            return sent;
        }

        if (!sent.IsCompletedSuccessfully)
        {
            return new ValueTask<T>(MaskAsync(scope, call, sent));
        }

        var result = sent.Result;
        Remember(result);
        return new ValueTask<T>(result);
    }

    private async Task<T> MaskAsync<T>(FailureObliviousScope scope, HostCall<T> call, ValueTask<T> sent)
    {
        try
        {
            var result = await sent;
            Remember(result);
            return result;
        }
        catch (HypervisorException e) when (!scope.FailsElements && !e.OutcomeUnknown)
        {
            scope.Log.Add(new MaskedObjectFailure(host.Name, call.Name, call.VMName ?? call.VMId?.ToString() ?? "", e), host.Name);
            return call switch
            {
                ReadHost read => (T)(object)MaskedReadings.Of(host, scope.Mode, read.IncludeVMs),
                { Masking: MaskPolicy.LeftOut } => default!,
                _ => TypedDefault.Of<T>(scope.Mode),
            };
        }
    }

    private void Remember<T>(T result)
    {
        if (result is HostReading reading)
        {
            host.LastReading = reading;
        }
    }
}
