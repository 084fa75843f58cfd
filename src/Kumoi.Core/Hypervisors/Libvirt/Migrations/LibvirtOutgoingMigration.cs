using System.Net.Sockets;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Reading;
using Kumoi.Relaying;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// A source. All its phases go over one connection: libvirt ends the migration when that is closed, but leaves a VM that it has handed
/// over paused.
/// </summary>
internal sealed class LibvirtOutgoingMigration : IOutgoingMigration
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a call may take to return after its job was aborted; measured: 0.1 s.</summary>
    private static readonly TimeSpan AbortPatience = TimeSpan.FromSeconds(30);

    /// <summary>How long the source is read again after a failure until it tells what it has: a daemon restarts in a second or two.</summary>
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(10);

    /// <summary>How long it is tried again to tell the source how the migration has ended. The VM may be paused there all the time.</summary>
    private static readonly TimeSpan RestartPatience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan SettlePause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ConfirmPatience = TimeSpan.FromSeconds(30);

    /// <summary>What is only tidying up does not hold up anybody for longer.</summary>
    private static readonly TimeSpan TidyPatience = TimeSpan.FromSeconds(2);

    private readonly FreshConnections _connections;
    private readonly ConnectionPool _watching; // lookers-on, while a phase blocks its connection
    private readonly RelayAddress _relayAddress;
    private readonly TimeProvider _time;
    private LibvirtConnection? _connection;
    private DomainHandle? _domain;
    private IReadOnlyList<LibvirtIncomingMigration> _performedTo = [];
    private int _isDisposed;

    private LibvirtOutgoingMigration(LibvirtLink link, RelayAddress relayAddress)
    {
        _connections = new FreshConnections(link.Address, link.HostName);
        _relayAddress = relayAddress;
        _time = link.Time;
        _watching = new ConnectionPool(_connections.Uri, () => _connections.HostName, shared: null);
    }

    public MigrationOffer Offer { get; private set; } = null!;

    private uint Flags => MigrationPhases.SourceFlags(Offer.Plan.Options, Offer.IsPersistent, Offer.IsPaused);

    private string Name => Offer.Name;

    public static async Task<LibvirtOutgoingMigration> BeginAsync(
        LibvirtLink link, Guid id, MigrationPlan plan, CancellationToken cancellationToken)
    {
        NativeMigrationPhases.Require();
        Encryption.Require(link.Address, link.HostName, isSource: true, plan.Options);
        var address = await RelayAddress
            .FindAsync(link.Address, link.HostName, plan.Options.RelayAddress, plan.Options.SourceAddresses, cancellationToken);
        var migration = new LibvirtOutgoingMigration(link, address);
        Task beginning = migration._connections.Threads.RunAsync(() => migration.Begin(id, plan), CancellationToken.None);
        try
        {
            await beginning.WaitAsync(cancellationToken);
            return migration;
        }
        catch (OperationCanceledException) when (!beginning.IsFaulted)
        {
            // The call cannot be taken back. Usually it ends soon; else it is undone behind the caller's back.
            await Task.WhenAny(migration.UndoAsync(beginning), Task.Delay(TidyPatience, link.Time, CancellationToken.None));
            throw;
        }
        catch
        {
            await migration.DisposeAsync();
            throw;
        }
    }

    public async Task<IReadOnlyList<IIncomingMigration>> PerformAsync(
        IReadOnlyList<IIncomingMigration> targets, ReplicaBudget budget, IProgress<ReplicaProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfZero(targets.Count, nameof(targets));
        cancellationToken.ThrowIfCancellationRequested();
        _performedTo = [.. targets.Select(static target => target as LibvirtIncomingMigration ?? throw new HypervisorException(
            $"Cannot send a VM to {target.HostName}: it is not a libvirt host.",
            error: HypervisorError.NotSupported,
            recommendedAction: "Migrate between hosts of the same kind."))];
        using var relay = Listen(budget);
        using var relayStop = new CancellationTokenSource();
        var relaying = relay.RunAsync(relayStop.Token);
        var performing = _connections.Threads.RunAsync(() => Perform(StreamAddress.Write(relay.EndPoint)), CancellationToken.None);
        PerformStop stop;
        try
        {
            stop = await WatchAsync(performing, relay, relayStop, progress, cancellationToken);
        }
        finally
        {
            await relayStop.CancelAsync();
            await relaying;
            Report(relay, progress);
        }

        var outcome = await performing;
        if (outcome.Failure is not null)
        {
            return await ThrowAsync(stop, outcome, relay, cancellationToken);
        }

        foreach (var target in _performedTo)
        {
            target.PerformCookie = outcome.Cookie;
        }

        var complete = relay.Complete;
        return complete.Count > 0
            ? [.. complete.Select(number => _performedTo[number])]
            : throw new PerformReport(Offer, _connections.HostName, relay.ReadProgress()).NobodyHasIt();
    }

    public async Task ConfirmAsync(bool cancelled, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var winner = _performedTo.FirstOrDefault(static target => target.IsFinished)
            ?? _performedTo.LastOrDefault(static target => target.MayRun);
        PhaseOutcome outcome;
        try
        {
            outcome = await _connections.Threads
                .RunAsync(
                    () => MigrationPhases.Confirm(Connection, _domain!, winner?.FinishCookie ?? [], Flags, cancelled), CancellationToken.None)
                .WaitAsync(ConfirmPatience, _time, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            throw NotConfirmed(cancelled, "no answer came in time", outcomeUnknown: true, HypervisorError.TimedOut, e);
        }

        if (outcome.Failure is { } failure)
        {
            // After a Perform that failed, and after the loss of the connection, libvirt has ended the migration by itself.
            await SettleAsync(cancelled, failure, cancellationToken);
        }

        if (cancelled || !Offer.Plan.Mark.IsStrict)
        {
            await TidyAsync(cancelled ? RemovePlanAsync() : winner?.RemovePlanAsync() ?? Task.CompletedTask);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        Task closing = _connections.Threads.RunAsync(
            () =>
            {
                _watching.Dispose();
                Close();
                return true;
            },
            CancellationToken.None);
        await Task.WhenAny(closing, Task.Delay(WorkerThreads.Patience, _time, CancellationToken.None));
        await _connections.DisposeAsync();
    }

    private LibvirtConnection Connection => _connection ?? throw new ObjectDisposedException(nameof(LibvirtOutgoingMigration));

    private void Close()
    {
        Interlocked.Exchange(ref _domain, null)?.Dispose();
        Interlocked.Exchange(ref _connection, null)?.Dispose();
    }

    private bool Begin(Guid id, MigrationPlan plan)
    {
        _connection = _connections.Open();
        _domain = _connection.GetDomain(id);
        var isPersistent = VMDefiner.IsPersistent(_connection, _domain);
        if (!VMDefiner.IsActive(_connection, _domain))
        {
            throw Refused("the VM is not running");
        }

        // Writing metadata would wait for 30 s.
        if (MigrationJob.Read(_connection, _domain) is not null)
        {
            throw Refused("another job runs on the VM");
        }

        plan = plan with { Mark = plan.Mark with { IsAutostart = HostBoundState.IsAutostart(_domain) } };
        SetPlan(plan);
        try
        {
            var flags = MigrationPhases.SourceFlags(plan.Options, isPersistent, isPaused: false);
            var (definition, cookie) = MigrationPhases.Begin(_connection, _domain, flags);
            if (SpeculationMetadata.Read(definition)?.Operation != plan.Operation)
            {
                throw Refused("another migration of the VM was begun at the same moment");
            }

            if (MigrationJudge.JudgeListening(DomainDefinition.Parse(definition)).FirstOrDefault(static obstacle => obstacle.IsFatal) is { } listening)
            {
                throw listening.ToException(FaultDomain.VM);
            }

            Offer = new MigrationOffer
            {
                Plan = plan,
                Id = id,
                Name = _domain.Name,
                IsPersistent = isPersistent,
                IsPaused = WhereaboutsReader.Read(_connection, id) is VMWhereabouts.Paused,
                Definition = definition,
                Cookie = cookie,
            };
            return true;
        }
        catch (HypervisorException)
        {
            Close(); // ends what was begun
            RemovePlan(id, plan.Operation);
            throw;
        }
    }

    private HypervisorException Refused(string reason) => Connection.ToException(
        new LibvirtFailure(LibvirtCode.OperationInvalid, LibvirtOrigin.None, 0, reason), $"begin the migration of VM '{_domain!.Name}'", CallKind.Read);

    private void SetPlan(MigrationPlan plan)
    {
        try
        {
            SpeculationMarks.Set(Connection, _domain!, plan.Mark);
        }
        catch (HypervisorException e) when (e.NativeCode == (int)LibvirtCode.OperationTimeout)
        {
            throw Refused("another job runs on the VM");
        }
    }

    private async Task UndoAsync(Task beginning)
    {
        await beginning.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (beginning.IsCompletedSuccessfully)
        {
            await _connections.Threads
                .RunAsync(
                    () =>
                    {
                        Close();
                        RemovePlan(Offer.Id, Offer.Plan.Operation);
                        return true;
                    },
                    CancellationToken.None);
        }

        await DisposeAsync();
    }

    private Task<bool> RemovePlanAsync() =>
        _connections.Threads.RunAsync(() => RemovePlan(Offer.Id, Offer.Plan.Operation), CancellationToken.None);

    /// <summary>Takes the plan off the VM, if it still is this operation's. Does not fail: whoever finds the plan can tell that it is over.</summary>
    private bool RemovePlan(Guid id, OperationId operation)
    {
        try
        {
            using var fresh = _connections.Open();
            using var vm = fresh.FindDomain(id);
            if (vm is not null && MigrationJob.Read(fresh, vm) is null)
            {
                SpeculationMarks.Remove(fresh, vm, operation);
            }

            return true;
        }
        catch (HypervisorException)
        {
            return false;
        }
    }

    private MigrationRelay Listen(ReplicaBudget budget)
    {
        try
        {
            return new MigrationRelay(
                _relayAddress.Local,
                _relayAddress.IsSource,
                _performedTo.Select(static target => (target.HostName, target.StreamEndPoint)),
                budget,
                Offer.Plan.Options.StallTimeout,
                _time);
        }
        catch (SocketException e)
        {
            IReadOnlyList<ReplicaProgress> none = [.. _performedTo.Select(static target => new ReplicaProgress(target.HostName, 0, false, null))];
            throw new PerformReport(Offer, _connections.HostName, none).CannotRelay(e);
        }
    }

    private PhaseOutcome Perform(string relayUri) => MigrationPhases.Perform(
        Connection, _domain!, relayUri, _performedTo[0].PrepareCookie, Offer.Plan.Options.BandwidthBytesPerSecond, Flags);

    /// <summary>Returns when the call has. Fails only if it does not end although it was aborted.</summary>
    private async Task<PerformStop> WatchAsync(
        Task performing,
        MigrationRelay relay,
        CancellationTokenSource relayStop,
        IProgress<ReplicaProgress>? progress,
        CancellationToken cancellationToken)
    {
        var stall = new StallDetector(Offer.Plan.Options.StallTimeout, _time);
        var switchStall = new SwitchStallDetector(_time);
        var window = new CallWindow();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var timer = new PeriodicTimer(PollInterval, _time);
        using var onCancel = cancellationToken.UnsafeRegister(
            static state => ((TaskCompletionSource)state!).TrySetResult(), cancelled);
        Task tick = timer.WaitForNextTickAsync(CancellationToken.None).AsTask();
        var polling = Task.CompletedTask;
        var aborting = Task.CompletedTask;
        var stop = PerformStop.None;
        long stoppedAt = 0;
        while (true)
        {
            await (stop == PerformStop.None
                ? Task.WhenAny(performing, tick, cancelled.Task, relay.NoneLeft)
                : Task.WhenAny(performing, tick));
            if (performing.IsCompleted)
            {
                break;
            }

            if (stop == PerformStop.None)
            {
                stop = cancellationToken.IsCancellationRequested ? PerformStop.Cancelled
                    : relay.NoneLeft.IsCompleted ? PerformStop.NoneLeft
                    : relay.IsSourceDeaf ? PerformStop.SourceDeaf
                    : switchStall.IsStalled ? PerformStop.NobodyAnswers
                    : stall.IsIdling ? PerformStop.Idling
                    : stall.IsStalled ? PerformStop.Stalled
                    : PerformStop.None;
                stoppedAt = _time.GetTimestamp();
            }

            if (stop != PerformStop.None)
            {
                // A QEMU that cannot write its last bytes does not hear of an abort, but of its connection's end.
                await relayStop.CancelAsync();

                // Again and again: in its first moments a migration has no job yet that could be aborted.
                aborting = aborting.IsCompleted ? AbortAsync(window) : aborting;
                if (_time.GetElapsedTime(stoppedAt) >= AbortPatience)
                {
                    throw new PerformReport(Offer, _connections.HostName, relay.ReadProgress()).DoesNotEnd(stop);
                }
            }
            else if (polling.IsCompleted)
            {
                polling = PollAsync(stall, switchStall, relay);
                Report(relay, progress);
            }

            if (tick.IsCompleted)
            {
                tick = timer.WaitForNextTickAsync(CancellationToken.None).AsTask();
            }
        }

        await window.CloseAsync();
        return stop != PerformStop.None ? stop
            : relay.NoneLeft.IsCompleted ? PerformStop.NoneLeft
            : relay.IsSourceDeaf ? PerformStop.SourceDeaf
            : PerformStop.None;
    }

    private async Task PollAsync(StallDetector stall, SwitchStallDetector switchStall, MigrationRelay relay)
    {
        try
        {
            var now = await OnVMAsync(MigrationJob.Read);
            if (now is { } progress)
            {
                stall.Note(progress);
            }

            switchStall.Note(now, relay.ReadProgress().Sum(static target => target.BytesTaken));
        }
        catch (HypervisorException)
        {
            // If the source is lost, the call itself tells.
        }
    }

    private async Task AbortAsync(CallWindow window)
    {
        try
        {
            await OnVMAsync((other, vm) =>
            {
                window.Pass(() => MigrationJob.Abort(other, vm));
                return true;
            });
        }
        catch (HypervisorException)
        {
            // Tried again with the next tick, until the call ends or patience does.
        }
    }

    private Task<T> OnVMAsync<T>(Func<LibvirtConnection, DomainHandle, T> work) =>
        _connections.Threads.RunAsync(
            () => _watching.Use(other =>
            {
                using var vm = other.GetDomain(Offer.Id);
                return work(other, vm);
            }),
            CancellationToken.None);

    private static void Report(MigrationRelay relay, IProgress<ReplicaProgress>? progress)
    {
        if (progress is not null)
        {
            foreach (var one in relay.ReadProgress())
            {
                progress.Report(one);
            }
        }
    }

    private async Task<IReadOnlyList<IIncomingMigration>> ThrowAsync(
        PerformStop stop, PhaseOutcome outcome, MigrationRelay relay, CancellationToken cancellationToken)
    {
        var place = await ReadSettledAsync();
        throw stop == PerformStop.Cancelled && place is not (VMWhereabouts.Unknown or VMWhereabouts.MigrationPaused)
            ? new OperationCanceledException(cancellationToken)
            : new PerformReport(Offer, _connections.HostName, relay.ReadProgress())
                .Failed(stop, outcome, relay.Refused?.ToString(), relay.SourceLoss, place);
    }

    /// <summary>What the source has after a failure. Its daemon may be away for a moment, and takes another one to let the VM go on.</summary>
    private async Task<VMWhereabouts> ReadSettledAsync()
    {
        using var patience = new CancellationTokenSource(SettlePatience, _time);
        var place = VMWhereabouts.Unknown;
        try
        {
            while (place is VMWhereabouts.Unknown or VMWhereabouts.MigrationPaused)
            {
                try
                {
                    place = await _connections.ReadPlaceAsync(Offer.Id, patience.Token);
                }
                catch (HypervisorException)
                {
                    place = VMWhereabouts.Unknown;
                }

                if (place is VMWhereabouts.Unknown or VMWhereabouts.MigrationPaused)
                {
                    await Task.Delay(SettlePause, _time, patience.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It does not tell.
        }

        return place;
    }

    /// <summary>Does what Confirm would have done, where libvirt has forgotten the migration.</summary>
    private async Task SettleAsync(bool cancelled, LibvirtFailure failure, CancellationToken cancellationToken)
    {
        var begun = _time.GetTimestamp();
        var place = VMWhereabouts.Unknown;
        while (place == VMWhereabouts.Unknown)
        {
            try
            {
                place = await _connections.RunAsync(fresh => SettleOnce(fresh, cancelled), cancellationToken);
            }
            catch (HypervisorException e) when (e.Error is HypervisorError.ConnectionFailed && _time.GetElapsedTime(begun) < RestartPatience)
            {
                await Task.Delay(SettlePause, _time, cancellationToken); // its daemon may be back in a moment
            }
            catch (HypervisorException e)
            {
                throw NotConfirmed(cancelled, e.Message, outcomeUnknown: true, e.Error, e);
            }
        }

        var isDone = cancelled
            ? place is VMWhereabouts.Running or VMWhereabouts.Paused || (place == VMWhereabouts.MigrationPaused && Offer.IsPaused)
            : place is VMWhereabouts.Absent or VMWhereabouts.Off;
        if (!isDone)
        {
            throw NotConfirmed(cancelled, $"{failure.Message}; the host has the VM '{place}'", outcomeUnknown: false, HypervisorError.InvalidState, null);
        }
    }

    private VMWhereabouts SettleOnce(LibvirtConnection fresh, bool cancelled)
    {
        var place = WhereaboutsReader.Read(fresh, Offer.Id);
        if (cancelled && place == VMWhereabouts.MigrationPaused && !Offer.IsPaused)
        {
            using var vm = fresh.GetDomain(Offer.Id);
            if (SpeculationMarks.IsOf(fresh, vm, Offer.Plan.Operation))
            {
                DomainCalls.Resume(fresh, vm);
            }
        }

        // Never one that runs: then something is very wrong.
        if (!cancelled)
        {
            List<VMWhereabouts> leftOver = [VMWhereabouts.MigrationPaused];
            if (Offer.IsPaused)
            {
                leftOver.Add(VMWhereabouts.Paused);
            }

            if (Offer.IsPersistent)
            {
                leftOver.Add(VMWhereabouts.Off);
            }

            _ = MarkedCopies.Remove(fresh, Offer.Id, new CopyRemoval(Offer.Plan.Operation, 0, leftOver, CopyRemovalKind.Undefine));
        }

        return WhereaboutsReader.Read(fresh, Offer.Id);
    }

    private HypervisorException NotConfirmed(bool cancelled, string reason, bool outcomeUnknown, HypervisorError error, Exception? inner) => new(
        $"Cannot {(cancelled ? "take back" : "give up")} VM '{Name}' on {_connections.HostName}: {reason.TrimEnd('.')}.",
        FaultDomain.Host,
        isTransient: false,
        outcomeUnknown,
        error,
        recommendedAction: $"Read what {_connections.HostName} has of the VM, and resume or stop it there only when it is known where else it is.",
        innerException: inner);

    private async Task TidyAsync(Task tidying)
    {
        await Task.WhenAny(tidying, Task.Delay(TidyPatience, _time, CancellationToken.None));
        _ = tidying.ContinueWith(static done => done.Exception, TaskScheduler.Default);
    }
}
