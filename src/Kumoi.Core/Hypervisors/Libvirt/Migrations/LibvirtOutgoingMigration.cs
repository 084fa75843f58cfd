using System.Net.Sockets;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Relaying;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>A source. All its phases go over one connection.</summary>
internal sealed class LibvirtOutgoingMigration : IOutgoingMigration
{
    private static readonly TimeSpan ConfirmPatience = TimeSpan.FromSeconds(30);

    /// <summary>What is only tidying up does not hold up anybody for longer.</summary>
    private static readonly TimeSpan TidyPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan TidyPause = TimeSpan.FromMilliseconds(100);

    /// <summary>How long who cancels the beginning waits until it is undone; else that happens behind the caller's back.</summary>
    private static readonly TimeSpan UndoPatience = TimeSpan.FromSeconds(2);

    private readonly FreshConnections _connections;
    private readonly ConnectionPool _watching; // lookers-on, while a phase blocks its connection
    private readonly SourceConnection _source = new();
    private readonly OutgoingBeginning _beginning;
    private readonly RelayAddress _relayAddress;
    private readonly TimeProvider _time;
    private IReadOnlyList<LibvirtIncomingMigration> _performedTo = [];
    private int _isDisposed;

    private LibvirtOutgoingMigration(LibvirtLink link, RelayAddress relayAddress)
    {
        _connections = new FreshConnections(link.Address, link.HostName);
        _relayAddress = relayAddress;
        _time = link.Time;
        _beginning = new OutgoingBeginning(_connections, _source);
        _watching = new ConnectionPool(_connections.Uri, () => _connections.HostName, shared: null, isForReads: false);
    }

    public MigrationOffer Offer { get; private set; } = null!;

    private uint Flags => MigrationPhases.SourceFlags(Offer.Plan.Options, Offer.IsPersistent, Offer.IsPaused);

    public static async Task<LibvirtOutgoingMigration> BeginAsync(
        LibvirtLink link, Guid id, MigrationPlan plan, CancellationToken cancellationToken)
    {
        NativeMigrationPhases.Require();
        Encryption.Require(link.Address, link.HostName, isSource: true, plan.Options);
        var address = await RelayAddress.FindAsync(
            link.Address, link.HostName, plan.Options.RelayAddress, plan.Options.SourceAddresses, cancellationToken);
        var migration = new LibvirtOutgoingMigration(link, address);
        Task beginning = migration._connections.Threads.RunAsync(
            () => migration.Offer = migration._beginning.Begin(id, plan), CancellationToken.None);
        try
        {
            await beginning.WaitAsync(cancellationToken);
            return migration;
        }
        catch (OperationCanceledException) when (!beginning.IsFaulted)
        {
            // The call cannot be taken back. Usually it ends soon; else it is undone behind the caller's back.
            await Task.WhenAny(migration.UndoAsync(beginning), Task.Delay(UndoPatience, link.Time, CancellationToken.None));
            throw;
        }
        catch
        {
            await migration.TidyAsync(patience => migration.RemovePlanAsync(id, plan.Operation, patience), UndoPatience);
            await migration.DisposeAsync();
            throw;
        }
    }

    public async Task<IReadOnlyList<IIncomingMigration>> PerformAsync(
        IReadOnlyList<IIncomingMigration> targets,
        ReplicaBudget budget,
        IProgress<ReplicaProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfZero(targets.Count, nameof(targets));
        cancellationToken.ThrowIfCancellationRequested();
        _performedTo = [.. targets.Select(static target => target as LibvirtIncomingMigration ?? throw new HypervisorException(
            $"Cannot send a VM to {target.HostName}: it is not a libvirt host.",
            error: HypervisorError.NotSupported,
            recommendedAction: "Migrate between hosts of the same kind."))];
        using var relay = Listen(budget);
        using var relayStop = new CancellationTokenSource();
        var watch = new OutgoingWatch(Offer, _connections, _watching, relay, relayStop, progress, _time);
        var relaying = relay.RunAsync(relayStop.Token);
        var performing = _connections.Threads.RunAsync(() => Perform(StreamAddress.Write(relay.EndPoint)), CancellationToken.None);
        MigrationStop stop;
        try
        {
            await watch.WatchAsync(performing, cancellationToken);
            stop = watch.Stop is MigrationStop.None ? watch.RelayStop : watch.Stop;
        }
        finally
        {
            await relayStop.CancelAsync();
            await relaying;
            watch.Report();
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
        var settling = new OutgoingSettling(Offer, _connections, _time);
        PhaseOutcome outcome;
        try
        {
            outcome = await _connections.Threads
                .RunAsync(
                    () => MigrationPhases.Confirm(_source.Connection, _source.Domain, winner?.FinishCookie ?? [], Flags, cancelled),
                    CancellationToken.None)
                .WaitAsync(ConfirmPatience, _time, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            throw settling.NotConfirmed(cancelled, "no answer came in time", outcomeUnknown: true, HypervisorError.TimedOut, e);
        }

        if (outcome.Failure is { } failure)
        {
            // After a Perform that failed, and after the loss of the connection, libvirt has ended the migration by itself.
            await settling.SettleAsync(cancelled, failure, cancellationToken);
        }

        if (cancelled || !Offer.Plan.Mark.IsStrict)
        {
            await TidyAsync(
                patience => cancelled
                    ? RemovePlanAsync(Offer.Id, Offer.Plan.Operation, patience)
                    : winner?.RemovePlanAsync() ?? Task.CompletedTask,
                TidyPatience);
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
                _source.Close();
                return true;
            },
            CancellationToken.None);
        await Task.WhenAny(closing, Task.Delay(WorkerThreads.Patience, _time, CancellationToken.None));
        await _connections.DisposeAsync();
    }

    private async Task UndoAsync(Task beginning)
    {
        await beginning.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (beginning.IsCompletedSuccessfully)
        {
            await _connections.Threads.RunAsync(
                () =>
                {
                    _source.Close();
                    return true;
                },
                CancellationToken.None);
            await TidyAsync(patience => RemovePlanAsync(Offer.Id, Offer.Plan.Operation, patience), TidyPatience);
        }

        await DisposeAsync();
    }

    /// <summary>Tries it until the plan is off the VM, or the patience ends. Does not fail.</summary>
    private async Task RemovePlanAsync(Guid id, OperationId operation, CancellationToken patience)
    {
        while (!await _connections.Threads.RunAsync(() => _beginning.TryRemovePlan(id, operation), CancellationToken.None)
            && !patience.IsCancellationRequested)
        {
            await Task.Delay(TidyPause, _time, patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
            IReadOnlyList<ReplicaProgress> none =
                [.. _performedTo.Select(static target => new ReplicaProgress(target.HostName, 0, false, null))];
            throw new PerformReport(Offer, _connections.HostName, none).CannotRelay(e);
        }
    }

    private PhaseOutcome Perform(string relayUri) => MigrationPhases.Perform(
        _source.Connection, _source.Domain, relayUri, _performedTo[0].PrepareCookie, Offer.Plan.Options.BandwidthBytesPerSecond, Flags);

    private async Task<IReadOnlyList<IIncomingMigration>> ThrowAsync(
        MigrationStop stop, PhaseOutcome outcome, MigrationRelay relay, CancellationToken cancellationToken)
    {
        var place = await new OutgoingSettling(Offer, _connections, _time).ReadSettledAsync();
        throw stop == MigrationStop.Cancelled && place is not (VMWhereabouts.Unknown or VMWhereabouts.MigrationPaused)
            ? new OperationCanceledException(cancellationToken)
            : new PerformReport(Offer, _connections.HostName, relay.ReadProgress())
                .Failed(stop, outcome, relay.Refused?.ToString(), relay.SourceLoss, place);
    }

    /// <summary>Waits for so long; what is not done by then is given up, and ends behind the caller's back. Does not fail.</summary>
    private async Task TidyAsync(Func<CancellationToken, Task> tidy, TimeSpan patience)
    {
        using var givenUp = new CancellationTokenSource();
        var tidying = tidy(givenUp.Token);
        await Task.WhenAny(tidying, Task.Delay(patience, _time, CancellationToken.None));
        await givenUp.CancelAsync();
        _ = tidying.ContinueWith(static done => done.Exception, TaskScheduler.Default);
    }
}
