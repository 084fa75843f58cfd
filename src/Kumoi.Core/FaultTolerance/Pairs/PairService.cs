using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>The pairs that this process keeps, and the way to those that it might keep. Safe for concurrent use.</summary>
/// <param name="fleet">Has the hosts of all pairs that are begun or resumed.</param>
/// <param name="keptBy">Who this process is, as <see cref="KumoiFtPair.KeptBy"/> has it.</param>
/// <param name="time">The clock of all waits.</param>
internal sealed class PairService(Fleet fleet, string keptBy, TimeProvider time) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, PairRun> _runs = []; // by VM
    private readonly SemaphoreSlim _sweeping = new(1);
    private Task<PairLog>? _log;

    /// <summary>Those that this process keeps, and those that were lost, in natural order of the VMs' names.</summary>
    public IReadOnlyList<KumoiFtPair> Pairs
    {
        get
        {
            lock (_gate)
            {
                return
                [
                    .. _runs.Values.Where(static run => !run.IsGone).Select(static run => run.Status)
                        .OrderBy(static pair => pair.VM, NaturalOrder.Instance),
                ];
            }
        }
    }

    /// <summary>Pairs that are not over, as the journal has them, whoever keeps them.</summary>
    public async Task<IReadOnlyList<PairState>> ReadOpenAsync(CancellationToken cancellationToken) =>
        await (await SweepAsync()).ReadOpenAsync(cancellationToken);

    /// <summary>
    /// Pairs of which this journal knows nothing, by the marks of connected hosts that answer: another user's, or those of a journal that
    /// was lost.
    /// </summary>
    public async Task<IReadOnlyList<KumoiFtPair>> FindStrangersAsync(CancellationToken cancellationToken)
    {
        var marks = await PairMarking.FindAsync(fleet, cancellationToken);
        if (marks.Count == 0)
        {
            return [];
        }

        var log = await LogAsync();
        await log.ReadOpenAsync(cancellationToken); // what has been written meanwhile
        return
        [
            .. marks.Where(found => found.Mark is not { } mark || !log.Knows(mark.Order.Id)).GroupBy(found => (found.VM, found.Mark?.Order.Id))
                .Select(static same => Describe(same.Key.VM, same.First().Mark, [.. same.Select(static found => found.Host)])),
        ];
    }

    /// <summary>Protects a VM. When this returns, a backup can go on with it; when it fails or is cancelled, nothing is left.</summary>
    /// <param name="order">What is asked for.</param>
    /// <param name="force">Takes the VM over from an owner that is not known to be gone.</param>
    /// <param name="cancellationToken">Ends the pair again.</param>
    /// <exception cref="HypervisorException">It cannot be protected.</exception>
    /// <exception cref="JournalException">It could not be written down.</exception>
    public async Task<KumoiFtPair> StartAsync(PairOrder order, bool force, CancellationToken cancellationToken)
    {
        if (order.Hosts.All(host => host.Name == order.Primary))
        {
            throw new HypervisorException(
                $"'{order.VMName}' runs on {order.Primary}: that host cannot be its own backup.", FaultDomain.VM,
                error: HypervisorError.InvalidSpecification, recommendedAction: "Give another host with -BackupHost.");
        }

        var log = await SweepAsync();
        if (await log.TakeAsync(order, force && Find(order.VM) is null, cancellationToken) is { } why)
        {
            throw new HypervisorException(
                $"{char.ToUpperInvariant(why[0])}{why[1..]}.", FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Get-KumoiFtPair shows it; Stop-KumoiFtPair ends it. If whoever kept it is gone for good, give -Force.");
        }

        PairRun run;
        try
        {
            if (!order.IsSimulated)
            {
                await PairMarking.PutAsync(fleet, order, log.IsOver, force, cancellationToken);
            }

            run = await BeginAsync(order, isNew: true, time.GetUtcNow(), log);
        }
        catch (Exception e)
        {
            if (e is IOException or UnauthorizedAccessException)
            {
                await PairMarking.TakeOffAsync(fleet, order);
            }

            await log.GiveUpAsync(order, $"'{order.VMName}' could not be protected: {e.Message}");
            throw e is IOException or UnauthorizedAccessException
                ? new HypervisorException(
                    $"The folder of the pair cannot be used: {e.Message}", FaultDomain.Storage,
                    error: HypervisorError.InvalidSpecification,
                    recommendedAction: $"Check that '{order.Folder}' can be written to, and that no other process keeps a pair there.",
                    innerException: e)
                : e;
        }

        try
        {
            await run.ProtectedAsync(cancellationToken);
            return run.Status;
        }
        catch
        {
            try
            {
                await run.StopAsync();
                await ForgetAsync(run);
            }
            catch (HypervisorException)
            {
                // It has a checkpoint by now, and its host is lost: it is a pair like any other.
            }

            throw;
        }
    }

    /// <summary>
    /// Goes on with a pair that nobody keeps. Its hosts are in the fleet, as far as they answer. Null: it does; else why not.
    /// </summary>
    public async Task<string?> ResumeAsync(PairState state, CancellationToken cancellationToken)
    {
        var log = await LogAsync();
        if (await log.TakeAsync(state.Order, force: false, cancellationToken) is { } why)
        {
            return why;
        }

        try
        {
            await BeginAsync(state.Order, isNew: false, state.BegunAt, log);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"the folder of the pair of '{state.Order.VMName}' cannot be used: {e.Message}";
        }
    }

    /// <summary>Whether this process keeps the pair of a VM.</summary>
    public bool Keeps(Guid vm) => Find(vm) is not null;

    /// <summary>When this process does not keep the pair of a VM any more, in whatever way that came about.</summary>
    public Task UntilEndedAsync(Guid vm) => Find(vm)?.Running ?? Task.CompletedTask;

    /// <summary>Ends the protection of a VM, which is left as it is. Null: this process does not keep it.</summary>
    public async Task<KumoiFtPair?> StopAsync(Guid vm)
    {
        if (Find(vm) is not { } run)
        {
            return null;
        }

        var ended = await run.StopAsync();
        await ForgetAsync(run);
        return ended;
    }

    /// <summary>Lets the backup take over. Null: this process does not keep it.</summary>
    public async Task<KumoiFtPair?> SwitchAsync(Guid vm, CancellationToken cancellationToken)
    {
        if (Find(vm) is not { } run)
        {
            return null;
        }

        await run.SwitchAsync(cancellationToken);
        return run.Status;
    }

    /// <summary>Tries out what the backup would do. Null: this process does not keep it.</summary>
    public async Task<KumoiFtDrill?> DrillAsync(Guid vm, CancellationToken cancellationToken)
    {
        if (Find(vm) is not { } run)
        {
            return null;
        }

        var before = run.Status;
        var took = await run.DrillAsync(cancellationToken);
        return new KumoiFtDrill
        {
            VM = before.VM,
            Primary = before.Primary,
            Backup = before.Backup ?? "",
            CheckpointCount = before.CheckpointCount,
            RestoreMs = took.TotalMilliseconds,
        };
    }

    /// <summary>Lets go of all as they are: another process can go on with them.</summary>
    public async ValueTask DisposeAsync()
    {
        List<PairRun> runs;
        lock (_gate)
        {
            runs = [.. _runs.Values];
            _runs.Clear();
        }

        await Task.WhenAll(runs.Select(static run => run.DisposeAsync().AsTask()));
        _sweeping.Dispose();
    }

    private static KumoiFtPair Describe(Guid vm, PairMark? mark, IReadOnlyList<string> hosts) => new()
    {
        VM = mark?.Order.VMName ?? vm.ToString("D"),
        VMId = vm,
        Id = mark?.Order.Id ?? Guid.Empty,
        State = PairPhase.Unknown,
        Primary = "",
        VMHosts = mark is null ? hosts : [.. mark.Order.Hosts.Select(static host => host.Name)],
        Engine = mark?.Order.EngineNames ?? "",
        KeptBy = mark?.Whose ?? "somebody else",
        StartedAt = null,
        Reason = $"This journal does not have it; {string.Join(", ", hosts)} {(hosts.Count == 1 ? "has its mark" : "have its marks")}.",
    };

    /// <summary>Ends pairs whose simulated hosts are gone. When this returns, also those are over that somebody else was just ending.</summary>
    private async Task<PairLog> SweepAsync()
    {
        var log = await LogAsync();
        await _sweeping.WaitAsync();
        try
        {
            List<PairRun> gone;
            lock (_gate)
            {
                gone = [.. _runs.Values.Where(static run => run.IsGone)];
            }

            foreach (var run in gone)
            {
                await ForgetAsync(run);
                await log.GiveUpAsync(run.Order, $"The pair of '{run.Order.VMName}' has ended: its simulated hosts were disconnected.");
            }
        }
        finally
        {
            _sweeping.Release();
        }

        return log;
    }

    private async Task ForgetAsync(PairRun run)
    {
        lock (_gate)
        {
            if (_runs.GetValueOrDefault(run.Order.VM) == run)
            {
                _runs.Remove(run.Order.VM);
            }
        }

        await run.DisposeAsync();
    }

    private PairRun? Find(Guid vm)
    {
        lock (_gate)
        {
            return _runs.TryGetValue(vm, out var run) && !run.Running.IsCompleted && !run.IsGone ? run : null;
        }
    }

    private async Task<PairRun> BeginAsync(PairOrder order, bool isNew, DateTimeOffset startedAt, PairLog log)
    {
        // It has what the guest's memory has.
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(order.Folder);
        }
        else
        {
            Directory.CreateDirectory(order.Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        PairRun? ended;
        lock (_gate)
        {
            _runs.Remove(order.VM, out ended);
        }

        await (ended?.DisposeAsync() ?? ValueTask.CompletedTask);
        lock (_gate)
        {
            return _runs[order.VM] = new PairRun(fleet, order, isNew, startedAt, log, keptBy, time);
        }
    }

    private Task<PairLog> LogAsync()
    {
        lock (_gate)
        {
            if (_log is null or { IsFaulted: true } or { IsCanceled: true })
            {
                _log = PairLog.ReadAsync(
                    fleet.Journal ?? throw new InvalidOperationException("A fleet without a journal has no pairs."),
                    CancellationToken.None);
            }

            return _log;
        }
    }
}
