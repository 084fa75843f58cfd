using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>A pair that this process keeps until it is stopped, or is over. Safe for concurrent use.</summary>
internal sealed class PairRun : IAsyncDisposable
{
    /// <summary>What keeps a pair from going on may be over by then.</summary>
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(2);

    /// <summary>A fence takes its time, and so does a restore.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(200);

    private readonly Fleet _fleet;
    private readonly PairLog _log;
    private readonly TimeProvider _time;
    private readonly PairController _controller;
    private readonly PairMeter _meter;
    private readonly CancellationTokenSource _leave = new();
    private readonly TaskCompletionSource _protected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly bool _isNew;
    private readonly DateTimeOffset _startedAt;
    private readonly IReadOnlyList<KumoiConnection> _connections;
    private readonly string _keptBy;
    private readonly Task _running;
    private int _failovers;
    private Task _logged = Task.CompletedTask;
    private Task _recorded = Task.CompletedTask;
    private PairRecord? _last;
    private PairEvent.CheckpointFailed? _failed; // of the last try: a second one that fails for the same reason is no news

    /// <summary>Begins at once, or goes on where another process has left it.</summary>
    /// <param name="fleet">Has its hosts.</param>
    /// <param name="order">The pair. It belongs to this process, and its hosts have its marks.</param>
    /// <param name="isNew">It is begun; else gone on with.</param>
    /// <param name="startedAt">When it was asked for.</param>
    /// <param name="log">Where its phases are written down.</param>
    /// <param name="keptBy">Who this process is, as <see cref="KumoiFtPair.KeptBy"/> has it.</param>
    /// <param name="time">The clock of all waits.</param>
    /// <exception cref="IOException">Another process has its files.</exception>
    public PairRun(
        Fleet fleet, PairOrder order, bool isNew, DateTimeOffset startedAt, PairLog log, string keptBy, TimeProvider time)
    {
        _isNew = isNew;
        (_fleet, Order, _startedAt, _log, _keptBy, _time) = (fleet, order, startedAt, log, keptBy, time);
        _connections = [.. order.Hosts.Select(host => fleet.Find(host.Name)).OfType<KumoiConnection>()];
        _meter = new PairMeter(time);
        _controller = new PairController(fleet, PlanOf(order), time);
        _controller.Changed += Note;
        _fleet.Changed += LeaveIfGone;
        _running = Task.Run(RunAsync);
    }

    public PairOrder Order { get; }

    /// <summary>
    /// Its hosts were simulated, and are gone with their connections: what has their names now are others. Nothing can be done with it.
    /// </summary>
    public bool IsGone => Order.IsSimulated && _connections.Any(host => !ReferenceEquals(_fleet.Find(host.Name), host));

    /// <summary>When it has ended, in whatever way.</summary>
    public Task Running => _running;

    /// <summary>Why it could not be begun, or cannot be gone on with at this moment; null: it goes on.</summary>
    public Exception? Failure { get; private set; }

    public KumoiFtPair Status
    {
        get
        {
            var record = _controller.Record ?? new PairRecord(PairPhase.Starting, Order.Primary, null, null);
            return _meter.Fill(new KumoiFtPair
            {
                VM = Order.VMName,
                VMId = Order.VM,
                Id = Order.Id,
                State = record.Phase,
                Primary = record.Primary,
                Backup = record.Backup,
                VMHosts = [.. Order.Hosts.Select(static host => host.Name)],
                Engine = Order.EngineNames,
                EngineReason = Order.EngineReason,
                KeptBy = _keptBy,
                StartedAt = _startedAt,
                FailoverCount = Volatile.Read(ref _failovers),
                CheckpointCount = record.LastNumber,
                PeriodMs = _controller.Modes.Current.TotalMilliseconds,
                MissedGoal = _controller.Modes.Period.Missed,
                Mode = Order.Engine is CheckpointEngine.LogReplay
                    ? nameof(ProtectionMode.LogReplay) : _controller.Modes.Mode.ToString(),
                ModeHistory = _controller.Modes.History,
                CheckpointFile = Path.Combine(Order.Folder, CheckpointRecording.FileName),
                RecordingPath = Order is { KeepLogBytes: not null, IsSimulated: false } ? ReplayKeep.FolderOf(Order.Folder) : null,
                Reason = record.Reason ?? Failure?.Message,
            });
        }
    }

    /// <summary>When the first checkpoint is committed.</summary>
    /// <exception cref="HypervisorException">It cannot be protected, or runs alone for want of a backup.</exception>
    public async Task ProtectedAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAny(_protected.Task, _running).WaitAsync(cancellationToken);
        if (_protected.Task.IsCompleted)
        {
            await _protected.Task;
        }
        else
        {
            throw Failure ?? new HypervisorException(
                $"'{Order.VMName}' is not protected: {Status.Reason ?? "the pair has ended"}.", FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: "Get-KumoiEvent -Kind FaultTolerance tells what happened.");
        }
    }

    /// <summary>Ends the protection. The VM is left as it is.</summary>
    /// <exception cref="HypervisorException">Where the VM runs is not known; the protection ends by itself when it is.</exception>
    public async Task<KumoiFtPair> StopAsync()
    {
        _controller.Requests.Stop();
        await Task.WhenAny(_running, Task.Delay(StopPatience, _time));
        while (!_running.IsCompleted)
        {
            if (_controller.Record is { Phase: PairPhase.FailingOver or PairPhase.TakingOver } record)
            {
                throw new HypervisorException(
                    $"'{Order.VMName}' is failing over, and is not ended before it is known where it runs: {record.Reason}", FaultDomain.Host,
                    error: HypervisorError.InvalidState,
                    recommendedAction: $"It ends by itself then. See that {record.Primary} answers, or is switched off and fenced.");
            }

            if (Failure is { } failure)
            {
                throw new HypervisorException(
                    $"The pair of '{Order.VMName}' cannot be ended at this moment: {failure.Message}", FaultDomain.Storage,
                    error: HypervisorError.InvalidState, innerException: failure,
                    recommendedAction: $"It ends by itself when it can be gone on with. See that '{Order.Folder}' can be read and written.");
            }

            await Task.WhenAny(_running, Task.Delay(BetweenLooks, _time));
        }

        return Status;
    }

    /// <summary>Lets the backup take over, as planned: from a checkpoint that is made for it.</summary>
    public Task SwitchAsync(CancellationToken cancellationToken) => _controller.Requests.SwitchAsync(cancellationToken);

    /// <summary>Tries out what the backup would do. How long it needs to have the VM ready.</summary>
    public Task<TimeSpan> DrillAsync(CancellationToken cancellationToken) => _controller.Requests.DrillAsync(cancellationToken);

    /// <summary>Lets go of it as it is: another process can go on with it.</summary>
    public async ValueTask DisposeAsync()
    {
        _fleet.Changed -= LeaveIfGone;
        await _leave.CancelAsync();
        await _running;
        await _recorded;
        await _controller.DisposeAsync();
        _leave.Dispose();
    }

    /// <summary>At once: it would take the hosts that have these names now for its own.</summary>
    private void LeaveIfGone(object? sender, EventArgs e)
    {
        try
        {
            if (IsGone)
            {
                _leave.Cancel();
            }
        }
        catch (ObjectDisposedException)
        {
            // It has ended by itself just now.
        }
    }

    internal static PairPlan PlanOf(PairOrder order) => new(
        order.VM, order.Folder, [.. order.Hosts.Select(static host => host.Name)], order.Goals,
        order.FenceCommand is { } command ? [command] : [])
    {
        Engine = order.Engine,
        CheckpointsBy = order.CheckpointsBy,
        Modes = order.Modes,
        AllowUnencrypted = order.AllowUnencrypted,
        KeepLogBytes = order.KeepLogBytes,
        IsSimulated = order.IsSimulated,
        Silence = TimeSpan.FromMilliseconds(order.SilenceMs),
    };

    private async Task RunAsync()
    {
        try
        {
            while (!await RunOnceAsync())
            {
                await Task.Delay(AfterFailure, _time, _leave.Token);
            }
        }
        catch (OperationCanceledException) when (_leave.IsCancellationRequested)
        {
            await _logged;
            _controller.Requests.Refuse(Ended("is not kept by this process any more"));
            return; // somebody else goes on with it
        }

        _controller.Requests.Refuse(Ended("has ended"));
        await _logged;
        if (_controller.Record is null or { IsOver: true })
        {
            var left = await PairMarking.TakeOffAsync(_fleet, Order);
            await _log.GiveUpAsync(
                Order,
                Failure is null ? $"The fault-tolerant pair of '{Order.VMName}' has ended{Where(left)}." : Failure.Message + Where(left));
        }

        static string Where(IReadOnlyList<string> left) => left.Count == 0
            ? ""
            : $"; {string.Join(", ", left)} did not answer, and may still have its mark, a definition that never runs";
    }

    /// <summary>False: it is not over, and cannot be gone on with at this moment, because its folder cannot be written, say.</summary>
    private async Task<bool> RunOnceAsync()
    {
        try
        {
            await _controller.RunAsync(_controller.Record is null && _isNew ? Order.Primary : null, _leave.Token);
            Failure = null;
            return true;
        }
#pragma warning disable CA1031 // nobody waits for this task: whatever ends it is its status
        catch (Exception e) when (!_leave.IsCancellationRequested)
#pragma warning restore CA1031
        {
            Failure = e;
            var record = _controller.Record;
            if (record is null ? _isNew : record.IsOver)
            {
                return true;
            }

            _logged = TellAsync(_logged, record, $"The pair of '{Order.VMName}' cannot go on, and is tried again: {e.Message}");
            return false;
        }
    }

    private HypervisorException Ended(string how) => new(
        $"The pair of '{Order.VMName}' {how}.", FaultDomain.VM, error: HypervisorError.InvalidState,
        recommendedAction: "Get-KumoiFtPair shows it, and Get-KumoiEvent -Kind FaultTolerance what has happened.");

    private void Note(PairEvent happened, PairRecord record)
    {
        Failure = null;
        if (happened is PairEvent.CheckpointMade made)
        {
            _meter.Add(made.Measure, made.Mode);
            if (_recorded.IsCompleted) // else the storage is slow: a figure less, and output does not wait for it
            {
                var at = _time.GetUtcNow();
                _recorded = Task.Run(() => Record(at, made));
            }

            if (made.Change is { } change)
            {
                _logged = TellAsync(_logged, record, PairWords.Of(Order, change));
            }

            _protected.TrySetResult();
        }
        else if (happened is PairEvent.TookOver)
        {
            Interlocked.Increment(ref _failovers);
            _controller.Requests.Switched();
        }

        if (record.Phase is PairPhase.Unprotected)
        {
            _protected.TrySetException(new HypervisorException(
                $"'{Order.VMName}' could not be protected: {record.Reason}", FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Get-KumoiEvent -Kind FaultTolerance tells what happened before."));
        }

        if (record.Checkpoint is null)
        {
            _meter.Forget();
        }

        var hasFailedAnew = happened is PairEvent.CheckpointFailed && happened != _failed;
        _failed = happened as PairEvent.CheckpointFailed;
        if (hasFailedAnew || _last is not { } last
            || last with { Checkpoint = record.Checkpoint, LastNumber = record.LastNumber } != record)
        {
            _last = record;
            _logged = TellAsync(_logged, record, PairWords.Of(Order, happened, record));
        }
    }

    private void Record(DateTimeOffset at, PairEvent.CheckpointMade made)
    {
        try
        {
            CheckpointRecording.Append(
                Order.Folder, at, new ModeStretch(made.Mode, made.Length, made.Cause, made.Measure));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A figure less: if the folder cannot be written, the pair's own files tell.
        }
    }

    /// <summary>One after the other, and without keeping the pair from its work.</summary>
    private async Task TellAsync(Task before, PairRecord? record, string message)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (record is not { IsOver: true })
        {
            await _log.ChangeAsync(Order, record, message);
        }
    }
}
