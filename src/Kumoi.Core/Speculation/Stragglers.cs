using Kumoi.Hypervisors;

namespace Kumoi.Speculation;

/// <summary>
/// Asks several hosts at once, and does not wait for one that is silent when another has answered: it would hold up all.
/// </summary>
internal static class Stragglers
{
    /// <summary>A host that has more to do than the others is not silent.</summary>
    private const int TimesAsLong = 3;
    private static readonly TimeSpan LeastGrace = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Returns when all calls have ended. As soon as one has succeeded, the others get three times as long as it took, and two seconds at
    /// least; then they are cancelled.
    /// </summary>
    /// <param name="hosts">Whom to ask.</param>
    /// <param name="call">Whether it succeeded. It ends soon when it is cancelled.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Cancels all.</param>
    public static async Task RunAsync<T>(
        IEnumerable<T> hosts, Func<T, CancellationToken, Task<bool>> call, TimeProvider time, CancellationToken cancellationToken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var began = time.GetTimestamp();
        var calls = hosts.Select(host => call(host, enough.Token)).ToList();
        var pending = calls.ToList();
        while (pending.Count > 0)
        {
            var ended = await Task.WhenAny(pending);
            pending.Remove(ended);
            if (ended is { IsCompletedSuccessfully: true, Result: true })
            {
                break;
            }
        }

        if (pending.Count > 0)
        {
            var grace = TimesAsLong * time.GetElapsedTime(began);
            var rest = Task.WhenAll(pending);
            await Task.WhenAny(rest, Task.Delay(grace > LeastGrace ? grace : LeastGrace, time, enough.Token));
            await enough.CancelAsync();
        }

        await Task.WhenAll(calls);
    }

    /// <summary>For a host whose call was cancelled since it was silent.</summary>
    public static HypervisorException Silent(string host) => new(
        $"{host} did not answer while others had.", FaultDomain.Host, error: HypervisorError.TimedOut,
        recommendedAction: $"Look at {host}.");
}
