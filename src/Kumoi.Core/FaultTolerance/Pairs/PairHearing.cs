using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// Hears the hosts of a pair until one of them cannot do its part any more. It goes on from one checkpoint to the next.
/// </summary>
/// <param name="vm">The VM that is protected.</param>
/// <param name="hosts">Asks them.</param>
/// <param name="foundSilent">Is told the name of a host that was silent for too long.</param>
internal sealed class PairHearing(Guid vm, HostHearing hosts, Action<string> foundSilent) : IDisposable
{
    private Hearing? _hearing;

    /// <summary>What becomes of these two.</summary>
    public Task<PairEvent> Hear(
        IHypervisorLink primary, int? standby, IHypervisorLink? backup, CancellationToken cancellationToken)
    {
        if (_hearing is null || _hearing.Primary != primary || _hearing.Backup != backup || _hearing.Found.IsCompleted)
        {
            _hearing?.End.Cancel();
            var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            _hearing = new Hearing(primary, backup, end, HearBothAsync(primary, PairDomains.Of(vm, standby), backup, end.Token));
        }

        return _hearing.Found;
    }

    public void Dispose() => _hearing?.End.Cancel();

    /// <summary>Ends when the primary or the backup cannot do its part any more.</summary>
    private async Task<PairEvent> HearBothAsync(
        IHypervisorLink primary, Guid domain, IHypervisorLink? backup, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        List<Task<PairEvent>> hearing = [HearPrimaryAsync(primary, domain, end.Token)];
        if (backup is not null)
        {
            hearing.Add(HearBackupAsync(backup, end.Token));
        }

        try
        {
            return await await Task.WhenAny(hearing);
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(hearing.Select(static task => (Task)task)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<PairEvent> HearPrimaryAsync(IHypervisorLink link, Guid domain, CancellationToken cancellationToken)
    {
        if (await hosts.UntilGoneAsync(link, domain, cancellationToken) is not { } silence)
        {
            return new PairEvent.PrimaryDied($"the VM has died on {link.HostName}");
        }

        foundSilent(link.HostName);
        return new PairEvent.PrimaryLost(silence);
    }

    private async Task<PairEvent> HearBackupAsync(IHypervisorLink link, CancellationToken cancellationToken)
    {
        var silence = await hosts.UntilSilentAsync(link, vm, cancellationToken);
        foundSilent(link.HostName);
        return new PairEvent.BackupLost(silence);
    }

    /// <summary>Who is heard, and what comes of it.</summary>
    private sealed record Hearing(IHypervisorLink Primary, IHypervisorLink? Backup, CancellationTokenSource End, Task<PairEvent> Found);
}
