using System.Collections.Concurrent;
using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>
/// Checkpoints by live migrations into paused standbys on the backup host, after each of which the VM goes on where it was. The last one is
/// in the memory of its standby, is lost with that host, and needs no loading: the standby goes on at once.
/// </summary>
/// <remarks>
/// A standby takes one state, so that each checkpoint needs a new one, which is started ahead: one has the last checkpoint, one takes the
/// next, and one may be the VM, since a failover. When the state is sent, the guest stands still until it is told to go on: then the gates
/// are cut, exactly.
/// </remarks>
internal sealed class MigrateCheckpoints(PairPlan plan, ConsoleLog log, TimeProvider time) : ICheckpointEngine
{
    private readonly ConcurrentDictionary<int, Standby> _standbys = [];
    private readonly StandbyMaker _maker = new(plan, log, time);
    private QemuMigration? _migration;
    private CheckpointJob? _last;
    private Preparation? _next;
    private Task _discarded = Task.CompletedTask;

    public async Task<MadeCheckpoint?> MakeAsync(CheckpointJob job, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(plan.CheckpointPatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await MakeWithinAsync(job, either.Token);
        }
        catch (HypervisorException)
        {
            await ForgetPrimaryAsync(job); // its reports may have ended with the connection
            throw;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            await ForgetPrimaryAsync(job);
            throw new HypervisorException(
                FormattableString.Invariant($"A checkpoint was not ready within {plan.CheckpointPatience.TotalSeconds:0.#} s."),
                FaultDomain.Network, isTransient: true, error: HypervisorError.TimedOut,
                recommendedAction: "Check the network between the two hosts, and the backup host's load.");
        }
    }

    /// <summary>The standby is there, is for that attempt, and the state is in it: else it would not have been committed.</summary>
    public async Task<bool> HasAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        return !(await host.SendAsync(new ReadWhereabouts(PairDomains.Of(plan.VM, checkpoint.Standby)), cancellationToken)).IsNotRunning()
            && await StandbyStart.IsThereAsync(host, plan.VM, checkpoint.Standby, checkpoint.Attempt, cancellationToken);
    }

    public async Task<ConsoleGate> BringAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var number = checkpoint.Standby ?? throw new InvalidOperationException($"{checkpoint} is in no standby.");
        await ForgetPrimaryAsync();
        Discard();
        var known = _standbys.TryRemove(number, out var standby) && standby.Attempt == checkpoint.Attempt ? standby.Console : null;
        var gate = await _maker.GateAsync(known, host, number, checkpoint.Cut, cancellationToken);

        var id = PairDomains.Of(plan.VM, number);
        await NetworkGate.LetSpeakAsync(host, id, cancellationToken);
        await StandbyStart.AnnounceAsync(host, id, cancellationToken);
        return gate;
    }

    /// <summary>There is nothing to load: the standby has it. To let it go on would be to use it up.</summary>
    public async Task<TimeSpan> DrillAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        return await HasAsync(host, checkpoint, cancellationToken)
            ? time.GetElapsedTime(begun)
            : throw new HypervisorException(
                $"{host.HostName} does not have the last checkpoint any more.", error: HypervisorError.VMNotFound,
                recommendedAction: "The next one replaces it: look with Get-KumoiFtPair whether checkpoints are being made.");
    }

    public async Task DropAsync(CheckpointMark? but, CancellationToken cancellationToken)
    {
        if (but is not null && _last is { } job)
        {
            _next ??= Prepare(job, but); // which drops the others first, while the VM runs
            return;
        }

        Discard();
        await _discarded.WaitAsync(cancellationToken);
        await RemoveOthersAsync(but, cancellationToken);
        await ForgetPrimaryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await ForgetPrimaryAsync();
        Discard();
        await _discarded;
        foreach (var standby in _standbys.Values)
        {
            standby.Console.Dispose(); // the standby itself stays: another controller may need it
        }
    }

    private async Task<MadeCheckpoint?> MakeWithinAsync(CheckpointJob job, CancellationToken cancellationToken)
    {
        var backup = job.Backup ?? throw StandbyStart.NoBackup();
        _last = job;
        var domain = PairDomains.Of(plan.VM, job.Standby);
        if (_migration is not { } migration || migration.Host != job.Primary || migration.Domain != domain)
        {
            await ForgetPrimaryAsync();
            _migration = migration = await QemuMigration.BeginAsync(job.Primary, domain, time, cancellationToken);
        }

        if (_next?.Host != backup)
        {
            Discard();
        }

        _next ??= Prepare(job, job.Committed);
        var standby = await ReadyAsync(_next, cancellationToken);
        await job.Network.CloseAsync(cancellationToken);
        await migration.LimitDowntimeAsync(plan.Downtime);
        long cut;
        try
        {
            await migration.SendAsync(standby.Address, cancellationToken);
            try
            {
                cut = job.Console.Cut();
                await job.Network.CutAsync(cancellationToken);
            }
            finally
            {
                await migration.GoOnAsync();
            }
        }
        finally
        {
            await migration.LimitDowntimeAsync(null);
        }

        await StandbyStart.LoadedAsync(standby.Host, standby.Id, time, cancellationToken);
        var bytes = await migration.MeasureAsync(cancellationToken);
        return new MadeCheckpoint(
            new CheckpointMark(job.Number, cut) { Attempt = standby.Attempt, Standby = standby.Number }, migration.Pause, bytes);
    }

    /// <summary>Starts the next standby.</summary>
    private Preparation Prepare(CheckpointJob job, CheckpointMark? committed) =>
        new(job.Backup!, StartAsync(job, committed, _maker.Next(job, committed)));

    /// <summary>A preparation is used up when it is ready, or has failed.</summary>
    private async Task<Standby> ReadyAsync(Preparation preparation, CancellationToken cancellationToken)
    {
        await Task.WhenAny(preparation.Ready).WaitAsync(cancellationToken);
        _next = null;
        return await preparation.Ready;
    }

    /// <summary>What is being prepared is for another course of things.</summary>
    private void Discard()
    {
        if (_next is { } preparation)
        {
            _next = null;
            _discarded = Task.WhenAll(_discarded, DiscardAsync(preparation));
        }
    }

    private async Task DiscardAsync(Preparation preparation)
    {
        await Task.WhenAny(preparation.Ready);
        if (preparation.Ready.IsCompletedSuccessfully)
        {
            using var limit = new CancellationTokenSource(plan.CheckpointPatience, time);
            await RemoveAsync(await preparation.Ready, limit.Token);
        }
    }

    private async Task<Standby> StartAsync(CheckpointJob job, CheckpointMark? committed, int number)
    {
        using var limit = new CancellationTokenSource(plan.CheckpointPatience, time);
        var host = job.Backup!;
        var id = PairDomains.Of(plan.VM, number);
        await _discarded;
        await RemoveOthersAsync(committed, limit.Token);
        var attempt = Guid.NewGuid().ToString("N");
        var gate = await _maker.StartAsync(job, number, attempt, limit.Token);
        try
        {
            await NetworkGate.KeepQuietAsync(host, id, limit.Token);
            var address = await StandbyAddress.ListenAsync(plan, host, id, number, limit.Token);
            return _standbys[number] = new Standby(number, id, attempt, host, gate, address);
        }
        catch
        {
            gate.Dispose();
            throw;
        }
    }

    private async Task RemoveOthersAsync(CheckpointMark? but, CancellationToken cancellationToken)
    {
        foreach (var standby in _standbys.Values.Where(standby => standby.Attempt != but?.Attempt))
        {
            await RemoveAsync(standby, cancellationToken);
        }
    }

    private async Task RemoveAsync(Standby standby, CancellationToken cancellationToken)
    {
        try
        {
            await standby.Host.SendAsync(new RemoveStandby(plan.VM, standby.Id), cancellationToken);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            // It is removed before another one is made there, and when its host is fenced; nobody lets it go on.
        }

        _standbys.TryRemove(KeyValuePair.Create(standby.Number, standby));
        standby.Console.Dispose();
    }

    /// <summary>Of one attempt: one that ends long after a failover must not take from the next one what that listens to.</summary>
    private Task ForgetPrimaryAsync(CheckpointJob of) =>
        _migration is { } migration && migration.Host == of.Primary && migration.Domain == PairDomains.Of(plan.VM, of.Standby)
            ? ForgetPrimaryAsync() : Task.CompletedTask;

    private async Task ForgetPrimaryAsync()
    {
        if (_migration is { } migration)
        {
            _migration = null;
            await migration.DisposeAsync();
        }
    }

    /// <summary>A standby that is being started.</summary>
    private sealed record Preparation(IHypervisorLink Host, Task<Standby> Ready);
}
