using Kumoi.Fleets.Journaling;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Fleets.Maintenance;

/// <summary>
/// The hosts that are in maintenance: the latest mark of a host in the journal decides, whoever wrote it. What this session writes holds at
/// once; what others write is seen within <see cref="Freshness"/>, all that was read at once: half of it would be a state that never was.
/// </summary>
internal sealed class MaintenanceMarks(FleetJournal journal, TimeProvider time)
{
    /// <summary>A fleet of thousands is read at once: the journal is not asked for each host.</summary>
    public static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private static readonly Dictionary<string, Mark> None = new(StringComparer.Ordinal);

    private readonly SemaphoreSlim _reading = new(1);
    private readonly Lock _gate = new();
    private Look _last = new(Journal: null, ReadTo: 0, ReadAt: 0, None);

    /// <summary>When a look has failed; 0: never.</summary>
    private long _failedAt;

    /// <summary>As was known at the last look.</summary>
    public bool IsMarked(string identity) => Volatile.Read(ref _last).IsMarked(identity);

    /// <summary>Looks into the journal, unless it did just now.</summary>
    /// <exception cref="JournalException">It cannot be read.</exception>
    public Task RefreshAsync(CancellationToken cancellationToken) => LookAsync(Freshness, cancellationToken);

    /// <summary>
    /// As <see cref="RefreshAsync"/>, for readings: they do not need the journal. If it cannot be read, what was known stands; whoever
    /// would bring a VM to the host asks again, and fails.
    /// </summary>
    public async Task TryRefreshAsync(CancellationToken cancellationToken)
    {
        if (IsWithin(Freshness, Volatile.Read(ref _failedAt)))
        {
            // Not again for each host of a fleet.
            return;
        }

        try
        {
            await RefreshAsync(cancellationToken);
        }
        catch (JournalException)
        {
            Volatile.Write(ref _failedAt, time.GetTimestamp());
        }
    }

    /// <summary>The gate of all that would bring a VM to a host, or start one there.</summary>
    /// <exception cref="HypervisorException">InMaintenance, of domain Host: another host may do.</exception>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public async Task EnsureTakesVMsAsync(string identity, string hostName, CancellationToken cancellationToken)
    {
        if ((await LookAsync(Freshness, cancellationToken)).IsMarked(identity))
        {
            throw new HypervisorException(
                $"{hostName} is in maintenance and takes no VMs.", FaultDomain.Host, error: HypervisorError.InMaintenance,
                recommendedAction: $"Choose another host, or take it back into service: Resume-KumoiHost {hostName}");
        }
    }

    /// <summary>Puts a host into maintenance, or takes it out.</summary>
    /// <param name="host">The host's name.</param>
    /// <param name="identity">What tells it from all others in the journal.</param>
    /// <param name="isIn">In, or out.</param>
    /// <param name="rollingUpgrade">The rolling upgrade that does it; null: an admin.</param>
    /// <param name="cancellationToken">Nothing was written.</param>
    /// <returns>Whether that was a change.</returns>
    public async Task<bool> MarkAsync(string host, string identity, bool isIn, string? rollingUpgrade, CancellationToken cancellationToken)
    {
        while (true)
        {
            var last = await LookAsync(TimeSpan.Zero, cancellationToken);
            if (last.IsMarked(identity) == isIn)
            {
                return false;
            }

            var happened = new MaintenanceRecord(identity,
                isIn ? MaintenanceStep.Suspended : MaintenanceStep.Resumed)
            {
                RollingUpgrade = rollingUpgrade,
            }
                .ToEvent(host, journal.Now, isIn ? $"{host} is in maintenance." : $"{host} is back in service.");

            // Only on what was read: of two sessions that do it at once one has done it, and the other is told that it was done.
            if (await last.Journal!.TryAppendAsync(happened, last.ReadTo, cancellationToken) is { } sequence)
            {
                lock (_gate)
                {
                    _last = ReferenceEquals(_last.Journal, last.Journal) ? _last.With([new Mark(identity, sequence, isIn)]) : _last;
                }

                return true;
            }
        }
    }

    private bool IsWithin(TimeSpan age, long then) => then is not 0 && time.GetElapsedTime(then) < age;

    /// <summary>What the journal has, as it was at most so long ago.</summary>
    private async Task<Look> LookAsync(TimeSpan age, CancellationToken cancellationToken)
    {
        var current = await journal.OpenAsync(cancellationToken);
        var last = Volatile.Read(ref _last);
        if (ReferenceEquals(last.Journal, current) && IsWithin(age, last.ReadAt))
        {
            return last;
        }

        var asked = time.GetTimestamp();
        await _reading.WaitAsync(cancellationToken);
        try
        {
            last = Volatile.Read(ref _last);
            var isAnother = !ReferenceEquals(last.Journal, current); // of another folder: then nothing of this one counts
            if (!isAnother && last.ReadAt > asked)
            {
                // Somebody has looked while this waited.
                return last;
            }

            var readTo = isAnother ? 0 : last.ReadTo;
            List<Mark> news = [];
            await foreach (var happened in current.ReadEventsAsync(
                new EventQuery { Kinds = [KumoiEventKind.Maintenance], AfterSequence = readTo }, cancellationToken))
            {
                readTo = happened.Sequence;
                if (MaintenanceRecord.Parse(happened) is { Step: MaintenanceStep.Suspended or MaintenanceStep.Resumed } record)
                {
                    news.Add(new Mark(record.Host, happened.Sequence, record.Step is MaintenanceStep.Suspended));
                }
            }

            lock (_gate)
            {
                // Marks of this session may have been added meanwhile.
                var known = isAnother ? None : _last.Marks;
                return _last = new Look(current, readTo, time.GetTimestamp(), known).With(news);
            }
        }
        finally
        {
            _reading.Release();
        }
    }

    private sealed record Mark(string Identity, long Sequence, bool IsIn);

    /// <summary>What a journal had, up to an event. Marks of this session may be of later ones.</summary>
    /// <param name="Journal">Null: nobody has looked.</param>
    /// <param name="ReadTo">The last event that was read.</param>
    /// <param name="ReadAt">When, by the clock; 0: never.</param>
    /// <param name="Marks">By identity. Nobody changes them: others are reading.</param>
    private sealed record Look(IJournal? Journal, long ReadTo, long ReadAt, Dictionary<string, Mark> Marks)
    {
        public bool IsMarked(string identity) => Marks.TryGetValue(identity, out var mark) && mark.IsIn;

        /// <summary>A mark of this session may be known before older ones of others are read.</summary>
        public Look With(IReadOnlyList<Mark> marks)
        {
            if (marks.Count == 0)
            {
                return this;
            }

            var all = new Dictionary<string, Mark>(Marks, StringComparer.Ordinal);
            foreach (var mark in marks)
            {
                if (!all.TryGetValue(mark.Identity, out var other) || other.Sequence <= mark.Sequence)
                {
                    all[mark.Identity] = mark;
                }
            }

            return this with { Marks = all };
        }
    }
}
