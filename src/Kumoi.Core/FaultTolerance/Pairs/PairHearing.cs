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
/// <param name="time">The clock.</param>
internal sealed class PairHearing(Guid vm, HostHearing hosts, Action<string> foundSilent, TimeProvider time) : IDisposable
{
    /// <summary>
    /// How long it is good for that a process was seen to end: libvirt, or whoever looks after the host, may start the VM again.
    /// </summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(250);

    private Hearing? _hearing;
    private Ending? _ending;

    /// <summary>What becomes of these two.</summary>
    /// <param name="primary">The host that runs the VM.</param>
    /// <param name="standby">As which of its domains.</param>
    /// <param name="process">Ends when the QEMU of that domain has, if that can be seen; see ConsoleGate.ProcessEnded.</param>
    /// <param name="backup">The other host; null: it has no part in it.</param>
    /// <param name="cancellationToken">Ends the hearing.</param>
    public Task<PairEvent> Hear(
        IHypervisorLink primary, int? standby, Task<Guid> process, IHypervisorLink? backup, CancellationToken cancellationToken)
    {
        if (_hearing is null || _hearing.Primary != primary || _hearing.Backup != backup || _hearing.Process != process
            || _hearing.Found.IsCompleted)
        {
            _hearing?.End.Cancel();
            var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            _hearing = new Hearing(
                primary, process, backup, end, HearBothAsync(primary, PairDomains.Of(vm, standby), process, backup, end.Token));
        }

        return _hearing.Found;
    }

    /// <summary>The domain's QEMU has ended there a moment ago, by the kernel's word: nothing is left to be fenced.</summary>
    public bool HasJustEnded(string host, Guid domain) =>
        _ending is { } ending && ending.Host == host && ending.Domain == domain && time.GetElapsedTime(ending.At) <= Fresh;

    public void Dispose() => _hearing?.End.Cancel();

    /// <summary>Ends when the primary or the backup cannot do its part any more.</summary>
    private async Task<PairEvent> HearBothAsync(
        IHypervisorLink primary, Guid domain, Task<Guid> process, IHypervisorLink? backup, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        List<Task<PairEvent>> hearing = [HearPrimaryAsync(primary, domain, end.Token)];
        if (!process.IsCompleted) // else it is of a time when nobody heard: what has become of the VM since is asked
        {
            hearing.Add(HearProcessAsync(primary, domain, process, end.Token));
        }

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

    private async Task<PairEvent> HearProcessAsync(
        IHypervisorLink link, Guid domain, Task<Guid> process, CancellationToken cancellationToken)
    {
        if (await process.WaitAsync(cancellationToken) != domain)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken); // another one was connected
        }

        _ending = new Ending(link.HostName, domain, time.GetTimestamp());
        return new PairEvent.PrimaryDied($"the VM's process has ended on {link.HostName}");
    }

    private async Task<PairEvent> HearBackupAsync(IHypervisorLink link, CancellationToken cancellationToken)
    {
        var silence = await hosts.UntilSilentAsync(link, vm, cancellationToken);
        foundSilent(link.HostName);
        return new PairEvent.BackupLost(silence);
    }

    /// <summary>Who is heard, and what comes of it.</summary>
    private sealed record Hearing(
        IHypervisorLink Primary, Task<Guid> Process, IHypervisorLink? Backup, CancellationTokenSource End, Task<PairEvent> Found);

    /// <summary>Whose process was seen to end, and when, by the clock's time stamps.</summary>
    private sealed record Ending(string Host, Guid Domain, long At);
}
