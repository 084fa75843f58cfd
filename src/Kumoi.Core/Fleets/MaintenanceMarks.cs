using System.Collections.Immutable;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Fleets;

/// <summary>
/// The hosts that are in maintenance: the latest mark of a host in the journal decides, whoever wrote it. What this session writes holds at
/// once; what others write is seen within <see cref="Freshness"/>, all that was read at once: half of it would be a state that never was.
/// </summary>
internal sealed class MaintenanceMarks(FleetJournal journal, TimeProvider time)
{
    /// <summary>A fleet of thousands is read at once: the journal is not asked for each host.</summary>
    public static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private static readonly ImmutableDictionary<string, Mark> None = ImmutableDictionary.Create<string, Mark>(StringComparer.Ordinal);

    private readonly SemaphoreSlim _reading = new(1);
    private ImmutableDictionary<string, Mark> _marks = None;
    private IJournal? _read;
    private long _readTo;

    /// <summary>A timestamp; 0: never.</summary>
    private long _readAt;

    /// <summary>As was known at the last look.</summary>
    public bool IsMarked(string identity) => Volatile.Read(ref _marks).TryGetValue(identity, out var mark) && mark.IsIn;

    /// <summary>Looks into the journal, unless it did just now.</summary>
    /// <exception cref="JournalException">It cannot be read.</exception>
    public Task RefreshAsync(CancellationToken cancellationToken) => IsFresh ? Task.CompletedTask : RefreshSlowAsync(cancellationToken);

    /// <summary>
    /// As <see cref="RefreshAsync"/>, for readings: they do not need the journal. If it cannot be read, what was known stands; whoever would
    /// bring a VM to the host asks again, and fails.
    /// </summary>
    public async Task TryRefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RefreshAsync(cancellationToken);
        }
        catch (JournalException)
        {
            // Not again for each host of a fleet.
            Volatile.Write(ref _readAt, time.GetTimestamp());
        }
    }

    /// <summary>The gate of all that would bring a VM to a host, or start one there.</summary>
    /// <exception cref="HypervisorException">InMaintenance, of domain Host: another host may do.</exception>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public async Task EnsureTakesVMsAsync(string identity, string hostName, CancellationToken cancellationToken)
    {
        await RefreshAsync(cancellationToken);
        if (IsMarked(identity))
        {
            throw new HypervisorException(
                $"{hostName} is in maintenance and takes no VMs.", FaultDomain.Host, error: HypervisorError.InMaintenance,
                recommendedAction: $"Choose another host, or take it back into service: Resume-KumoiHost {hostName}");
        }
    }

    /// <summary>Puts a host into maintenance, or takes it out.</summary>
    /// <param name="host">The host.</param>
    /// <param name="isIn">In, or out.</param>
    /// <param name="rollOut">The rolling upgrade that does it; null: an admin.</param>
    /// <param name="cancellationToken">Nothing was written.</param>
    /// <returns>Whether that was a change.</returns>
    public async Task<bool> MarkAsync(KumoiConnection host, bool isIn, string? rollOut, CancellationToken cancellationToken)
    {
        await RefreshSlowAsync(cancellationToken);
        if (IsMarked(host.Identity) == isIn)
        {
            return false;
        }

        var happened = new MaintenanceRecord(host.Identity, isIn ? MaintenanceStep.Suspended : MaintenanceStep.Resumed) { RollOut = rollOut }
            .ToEvent(host, journal.Now, isIn ? $"{host.Name} is in maintenance." : $"{host.Name} is back in service.");
        var mark = new Mark(await journal.AppendAsync(happened, cancellationToken), isIn);
        ImmutableInterlocked.Update(ref _marks, known => With(known, [(host.Identity, mark)]));
        return true;
    }

    private bool IsFresh => Volatile.Read(ref _readAt) is not 0 and var then && time.GetElapsedTime(then) < Freshness;

    private async Task RefreshSlowAsync(CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        await _reading.WaitAsync(cancellationToken);
        try
        {
            if (Volatile.Read(ref _readAt) > asked)
            {
                // Somebody has looked while this waited.
                return;
            }

            var current = await journal.OpenAsync(cancellationToken);
            var isAnother = !ReferenceEquals(current, _read); // of another folder: then nothing of this one counts
            var readTo = isAnother ? 0 : _readTo;
            List<(string Identity, Mark Mark)> news = [];
            await foreach (var happened in current.ReadEventsAsync(new EventQuery { Kinds = [KumoiEventKind.Maintenance], AfterSequence = readTo }, cancellationToken))
            {
                readTo = happened.Sequence;
                if (MaintenanceRecord.Parse(happened) is { Step: MaintenanceStep.Suspended or MaintenanceStep.Resumed } record)
                {
                    news.Add((record.Host, new Mark(happened.Sequence, record.Step is MaintenanceStep.Suspended)));
                }
            }

            (_read, _readTo) = (current, readTo);
            ImmutableInterlocked.Update(ref _marks, known => With(isAnother ? None : known, news));
            Volatile.Write(ref _readAt, time.GetTimestamp());
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <summary>A mark of this session may be known before older ones of others are read.</summary>
    private static ImmutableDictionary<string, Mark> With(ImmutableDictionary<string, Mark> known, IReadOnlyList<(string Identity, Mark Mark)> marks)
    {
        var all = known.ToBuilder();
        foreach (var (identity, mark) in marks)
        {
            if (!all.TryGetValue(identity, out var other) || other.Sequence <= mark.Sequence)
            {
                all[identity] = mark;
            }
        }

        return all.ToImmutable();
    }

    private sealed record Mark(long Sequence, bool IsIn);
}
