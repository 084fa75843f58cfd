using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>What is done while no checkpoint counts: output goes out at once, until the VM is protected again, or for good.</summary>
internal sealed class PairAlone(PairPlan plan, PairHosts hosts, PairOutput output, ICheckpointEngine engine, TimeProvider time)
{
    /// <summary>What was tried in vain is tried again after this time.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Until a host can be the backup.</summary>
    public async Task<PairEvent> RunAsync(string primary, Guid domain, CancellationToken stopping, CancellationToken cancellationToken)
    {
        await DropAllAsync(cancellationToken);
        var isOpen = false;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancellationToken);
        while (!stopping.IsCancellationRequested)
        {
            var place = await hosts.PlaceAsync(primary, domain, cancellationToken);
            if (place.IsNotRunning())
            {
                return new PairEvent.PrimaryDied($"the VM has died on {primary}");
            }

            // While it does not answer, the VM may run on.
            if (place is not VMWhereabouts.Unknown
                && (isOpen = isOpen || await LetGoAsync(primary, domain, cancellationToken))
                && await hosts.ChooseAsync(primary, cancellationToken) is { } host)
            {
                return new PairEvent.BackupChosen(host);
            }

            await Task.Delay(Pause, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }

        return new PairEvent.StopRequested();
    }

    /// <summary>
    /// For good. What the backup has in its memory is removed if it answers; else it stays there, paused, and nobody lets it go on. Returns
    /// what could not be done; null: all was.
    /// </summary>
    public async Task<string?> EndAsync(string primary, Guid domain, string? backup, CancellationToken cancellationToken)
    {
        var remains = backup is null ? null : await hosts.RemoveStandbysAsync(backup, cancellationToken);
        await DropAllAsync(cancellationToken);
        var since = time.GetTimestamp();
        while (await hosts.PlaceAsync(primary, domain, cancellationToken) is var place && !place.IsNotRunning()
            && (place is VMWhereabouts.Unknown || !await LetGoAsync(primary, domain, cancellationToken)))
        {
            if (time.GetElapsedTime(since) > plan.FencePatience)
            {
                return $"{primary} does not answer: what the VM sends there is still held back";
            }

            await Task.Delay(Pause, time, cancellationToken);
        }

        return remains is null ? null : $"a standby may be left on {backup}: {remains}";
    }

    /// <summary>Nothing of the pair is left at the VM. False: it is to be tried again.</summary>
    private async Task<bool> LetGoAsync(string primary, Guid domain, CancellationToken cancellationToken) =>
        await engine.LetGoAsync(hosts.Link(primary), domain, hosts.Link, cancellationToken)
            && await output.OpenNetworkAsync(hosts.Link(primary), domain, cancellationToken);

    /// <summary>
    /// No checkpoint counts any more: output goes out at once. It does not wait for a host that does not remove what it has: that is
    /// removed before something else is made there, and nobody lets it go on.
    /// </summary>
    private async Task DropAllAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(plan.FencePatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await engine.DropAsync(but: null, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // It has had its time.
        }

        output.Open();
    }
}
