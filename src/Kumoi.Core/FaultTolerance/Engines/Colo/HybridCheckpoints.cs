using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>
/// COLO while the standby runs along, and the checkpoints of another engine, whose pauses are shorter, in checkpoint mode: for guests that
/// differ from their copies for long.
/// </summary>
/// <remarks>
/// <para>
/// Each change goes to a new standby, and the old one, which can go on from all that has gone out, stays until the first checkpoint in the
/// new one is written down. So there is no moment without a standby that counts. Which engine a checkpoint is of follows from the file of
/// COLO's step, which names COLO's standby: it is there from before that is made until another engine's checkpoint counts.
/// </para>
/// <para>Not for VMs with network cards: what COLO's comparer holds cannot be handed to the filters of the other engine.</para>
/// </remarks>
internal sealed class HybridCheckpoints(
    PairPlan plan, ColoCheckpoints colo, ColoFile file, Func<ICheckpointEngine> createOther, TimeProvider time) : ITwoModes
{
    private ICheckpointEngine? _other; // null: in COLO
    private CheckpointJob? _last;
    private (IHypervisorLink Host, Guid Standby)? _replaced; // by COLO's, when a checkpoint of that counts

    public PairMode Mode
    {
        get => colo.Mode;
        set => colo.Mode = value;
    }

    public PairEvent? Found => _other is null ? colo.Found : _other.Found;

    public async Task<MadeCheckpoint?> MakeAsync(CheckpointJob job, CancellationToken cancellationToken)
    {
        _last = job;
        if (file.Read() is { } left && left.Standby == job.Standby)
        {
            file.Remove(); // that standby is the VM now
        }

        if (Mode is PairMode.Colo)
        {
            if (_other is not null)
            {
                await ForgetOtherAsync();
                _replaced = job is { Committed: { Standby: not null } counts, Backup: { } host }
                    ? (host, PairDomains.Of(plan.VM, counts.Standby)) : null;
            }

            return await colo.MakeAsync(job, cancellationToken);
        }

        if (_other is null)
        {
            await colo.PartAsync(job, cancellationToken);
            _other = createOther();
        }

        return await _other.MakeAsync(job, cancellationToken);
    }

    public Task<bool> HasAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken) =>
        EngineOf(checkpoint).HasAsync(host, checkpoint, cancellationToken);

    public Task<TimeSpan> DrillAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken) =>
        EngineOf(checkpoint).DrillAsync(host, checkpoint, cancellationToken);

    public async Task<ConsoleGate> BringAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        if (IsOfColo(checkpoint))
        {
            await ForgetOtherAsync(); // with the standby that it makes, or has made for a checkpoint that does not count
            return await colo.BringAsync(host, checkpoint, cancellationToken);
        }

        // A standby of COLO runs by itself when its primary is dead.
        await RemoveColoAsync(host, serving: null, cancellationToken);
        await colo.DropAsync(but: null, cancellationToken);
        return await (_other ??= createOther()).BringAsync(host, checkpoint, cancellationToken);
    }

    public async Task DropAsync(CheckpointMark? but, CancellationToken cancellationToken)
    {
        if (but is null)
        {
            await colo.DropAsync(null, cancellationToken);
            await (_other ??= createOther()).DropAsync(null, cancellationToken);
            await ForgetOtherAsync();
            return;
        }

        if (IsOfColo(but))
        {
            await colo.DropAsync(but, cancellationToken);
            if (_replaced is { } replaced)
            {
                _replaced = null;
                await RemoveAsync(replaced.Host, replaced.Standby, cancellationToken);
                await using var other = createOther();
                await other.DropAsync(but, cancellationToken); // and what it has left beside the pair's record
            }

            return;
        }

        if (_last is { Backup: { } backup } job)
        {
            try
            {
                await RemoveColoAsync(backup, job.Standby, cancellationToken);
            }
            catch (HypervisorException)
            {
                return; // it is tried again after the next checkpoint; until then the other engine has a standby less to choose from
            }
        }

        await (_other?.DropAsync(but, cancellationToken) ?? Task.CompletedTask);
    }

    public Task<bool> LetGoAsync(
        IHypervisorLink primary, Guid domain, Func<string, IHypervisorLink> hosts, CancellationToken cancellationToken) =>
        colo.LetGoAsync(primary, domain, hosts, cancellationToken);

    public Task<CheckpointCause> UntilDueAsync(TimeSpan period, Func<bool> isWanted, CancellationToken cancellationToken) =>
        colo.UntilDueAsync(period, isWanted, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await ForgetOtherAsync();
        await colo.DisposeAsync();
    }

    private ICheckpointEngine EngineOf(CheckpointMark checkpoint) => IsOfColo(checkpoint) ? colo : _other ??= createOther();

    private bool IsOfColo(CheckpointMark checkpoint) => file.Read()?.Attempt == checkpoint.Attempt;

    /// <summary>Removes COLO's standby, whose checkpoints do not count any more or do not yet.</summary>
    private async Task RemoveColoAsync(IHypervisorLink host, int? serving, CancellationToken cancellationToken)
    {
        if (file.Read() is not { } step)
        {
            return;
        }

        if (step.Backup == host.HostName && step.Standby != serving)
        {
            await host.SendAsync(new RemoveStandby(plan.VM, PairDomains.Of(plan.VM, step.Standby)), cancellationToken);
        }

        file.Remove();
    }

    private async Task RemoveAsync(IHypervisorLink host, Guid standby, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(plan.CheckpointPatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await host.SendAsync(new RemoveStandby(plan.VM, standby), either.Token);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            // It is removed before another one is made there, and when its host is fenced; nobody lets it go on.
        }
    }

    private async Task ForgetOtherAsync()
    {
        if (_other is { } other)
        {
            _other = null;
            await other.DisposeAsync();
        }
    }
}
