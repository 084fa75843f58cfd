using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Detection;

/// <summary>Finds out what hosts have of a VM, and which of them have been silent for too long.</summary>
/// <param name="silence">How long a host may be silent.</param>
/// <param name="time">The clock of that.</param>
internal sealed class HostHearing(TimeSpan silence, TimeProvider time)
{
    /// <summary>Asks a host once. Unknown, with a reason: it did not answer.</summary>
    public async Task<(VMWhereabouts Place, string? Silence)> AskAsync(IHypervisorLink host, Guid vm, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(silence, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return (await host.SendAsync(new ReadWhereabouts(vm), either.Token), null);
        }
        catch (HypervisorException e)
        {
            return (VMWhereabouts.Unknown, e.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (VMWhereabouts.Unknown, $"{host.HostName} does not answer.");
        }
    }

    /// <summary>
    /// Asks a host again and again. Ends with null when it is known not to run the VM, and with a reason when it was silent for too long.
    /// </summary>
    public Task<string?> UntilGoneAsync(IHypervisorLink host, Guid vm, CancellationToken cancellationToken) =>
        HearAsync(host, vm, static place => place.IsNotRunning(), cancellationToken);

    /// <summary>Asks a host again and again. Ends with a reason when it was silent for too long.</summary>
    public async Task<string> UntilSilentAsync(IHypervisorLink host, Guid vm, CancellationToken cancellationToken) =>
        (await HearAsync(host, vm, static _ => false, cancellationToken))!;

    private async Task<string?> HearAsync(
        IHypervisorLink host, Guid vm, Func<VMWhereabouts, bool> isEnd, CancellationToken cancellationToken)
    {
        var heard = time.GetTimestamp();
        string? reason = null; // the first one: what follows may be no more than calls that are held back
        while (true)
        {
            var (place, silent) = await AskAsync(host, vm, cancellationToken);
            if (silent is null)
            {
                (heard, reason) = (time.GetTimestamp(), null);
                if (isEnd(place))
                {
                    return null;
                }
            }
            else
            {
                reason ??= silent;
                if (time.GetElapsedTime(heard) >= silence)
                {
                    return reason;
                }
            }

            await Task.Delay(silence / 8, time, cancellationToken);
        }
    }
}
