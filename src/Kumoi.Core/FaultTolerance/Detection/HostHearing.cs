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
    /// Asks a host again and again, and at once when its hypervisor tells that the VM has ended. Ends with null when it is known not to run
    /// the VM, and with a reason when it was silent for too long.
    /// </summary>
    public async Task<string?> UntilGoneAsync(IHypervisorLink host, Guid vm, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var news = new News();
        var listening = ListenAsync(host, vm, news, end.Token);
        try
        {
            return await HearAsync(host, vm, static place => place.IsNotRunning(), news, cancellationToken);
        }
        finally
        {
            await end.CancelAsync();
            await listening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Asks a host again and again. Ends with a reason when it was silent for too long.</summary>
    public async Task<string> UntilSilentAsync(IHypervisorLink host, Guid vm, CancellationToken cancellationToken) =>
        (await HearAsync(host, vm, static _ => false, new News(), cancellationToken))!;

    private async Task<string?> HearAsync(
        IHypervisorLink host, Guid vm, Func<VMWhereabouts, bool> isEnd, News news, CancellationToken cancellationToken)
    {
        var heard = time.GetTimestamp();
        string? reason = null; // the first one: what follows may be no more than calls that are held back
        while (true)
        {
            var next = news.Next;
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

            await next.WaitAsync(silence / 8, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>What a hypervisor tells is no proof, and may be missed: it is a reason to ask.</summary>
    private async Task ListenAsync(IHypervisorLink host, Guid vm, News news, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await foreach (var happened in host.WatchAsync(cancellationToken))
                {
                    if (happened.VMId == vm && happened.Kind is VMLifecycle.Stopped or VMLifecycle.Crashed)
                    {
                        news.Tell();
                    }
                }
            }
            catch (HypervisorException)
            {
                // It is asked all the same.
            }

            await Task.Delay(silence, time, cancellationToken);
        }
    }

    /// <summary>Tells one who waits that there may be something new since it began to look.</summary>
    private sealed class News
    {
        private TaskCompletionSource _next = Fresh();

        public Task Next => Volatile.Read(ref _next).Task;

        public void Tell() => Interlocked.Exchange(ref _next, Fresh()).TrySetResult();

        private static TaskCompletionSource Fresh() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
