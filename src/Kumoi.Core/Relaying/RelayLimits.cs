using System.Globalization;
using Kumoi.Hypervisors;

namespace Kumoi.Relaying;

/// <summary>Gives up the targets of a relay that take longer than the budget allows, or less in a while.</summary>
internal sealed class RelayLimits(RelayTarget[] targets, RelayVerdicts verdicts, ReplicaBudget budget, TimeProvider time)
{
    public async Task WatchAsync(CancellationToken stop)
    {
        List<Task> limits = [];
        if (budget.TimeLimit is { } limit)
        {
            limits.Add(EndAfterAsync(limit, stop));
        }

        if (budget.MinimumBytesPerSecond is { } minimum)
        {
            limits.Add(WatchProgressAsync(minimum, stop));
        }

        await Task.WhenAll(limits);
    }

    private async Task EndAfterAsync(TimeSpan limit, CancellationToken stop)
    {
        await Task.Delay(limit, time, stop);
        foreach (var target in targets)
        {
            verdicts.Drop(
                target, string.Create(CultureInfo.InvariantCulture, $"it took longer than the limit of {limit.TotalSeconds:0.###} s"));
        }
    }

    /// <summary>
    /// On average, because a limit on single waits is never tripped by one that is steadily slow. Only while something waits for the
    /// target: it cannot take what the source does not send.
    /// </summary>
    private async Task WatchProgressAsync(long minimum, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(budget.ProgressWindow / 4, time);
        while (await timer.WaitForNextTickAsync(stop))
        {
            var now = time.GetTimestamp();
            foreach (var target in targets)
            {
                var elapsed = time.GetElapsedTime(target.Window.Since, now);
                var taken = target.TakenBytes;
                var isOver = elapsed >= budget.ProgressWindow;
                if (target.HasCaughtUp)
                {
                    target.HasCaughtUp = target.WaitingBytes == 0;
                    target.Window = (now, taken);
                }
                else if (isOver && taken - target.Window.Taken < minimum * elapsed.TotalSeconds)
                {
                    verdicts.Drop(target, string.Create(CultureInfo.InvariantCulture, $"it took less than {minimum} bytes a second"));
                }
                else if (isOver)
                {
                    target.Window = (now, taken);
                }
            }
        }
    }
}
