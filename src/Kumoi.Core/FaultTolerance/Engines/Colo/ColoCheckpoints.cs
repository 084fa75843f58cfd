using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>
/// Checkpoints by QEMU's COLO into one standby, which either stands still between them (checkpoint mode) or runs along, and then what both
/// put out goes out at once (COLO). The mode changes by letting the standby run or not: nothing else does, and there is no moment without a
/// standby that can go on.
/// </summary>
/// <remarks>
/// QEMU makes no checkpoint by itself: it would let the guest go on before anybody knows what belongs to the checkpoint. Both guests are
/// stopped first, the gates are emptied, the cut and what is held are written down, and then it is asked for, so that each cut is exact and
/// known to whoever goes on. That a standby has taken a checkpoint is seen by its going on, and it is stopped again only when that is
/// written down.
/// </remarks>
internal sealed class ColoCheckpoints : ITwoModes
{
    /// <summary>How long a monitor may take to answer in a VM that is well.</summary>
    private static readonly TimeSpan MonitorPatience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(10);

    private readonly PairPlan _plan;
    private readonly TimeProvider _time;
    private readonly ColoFile _file;
    private readonly HeldOutput _held;
    private readonly StandbyLog _standbyLog;
    private readonly ColoEntry _entry;
    private readonly ColoTakeover _takeover;
    private ColoCourse? _course;
    private ConsoleComparison? _comparison;
    private CheckpointJob? _last;

    public ColoCheckpoints(PairPlan plan, ConsoleLog log, TimeProvider time)
    {
        (_plan, _time) = (plan, time);
        _file = new ColoFile(plan.Folder);
        _held = new HeldOutput(plan.VM, plan.Folder);
        _standbyLog = new StandbyLog(plan.Folder);
        var maker = new StandbyMaker(plan, log, time);
        _entry = new ColoEntry(plan, maker, _file, _standbyLog, new ColoNetwork(plan), time);
        _takeover = new ColoTakeover(plan, log, maker, _file, _standbyLog, _held, time);
    }

    public PairMode Mode { get; set; }

    public PairEvent? Found { get; private set; }

    public async Task<MadeCheckpoint?> MakeAsync(CheckpointJob job, CancellationToken cancellationToken)
    {
        Found = null;
        _last = job;
        _comparison = null;
        using var limit = new CancellationTokenSource(_plan.CheckpointPatience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            if (_course is not { } course || !course.IsOf(job, PairDomains.Of(_plan.VM, job.Standby)))
            {
                await ForgetAsync();
                _course = course = await _entry.EnterAsync(job, either.Token);
            }

            if (!course.IsTried)
            {
                // What is broken shows itself at the first checkpoints, before anything is promised.
                await CheckpointAsync(job, course, either.Token);
                await AnswerAsync(course, either.Token);
                course.IsTried = true;
            }

            course.RefuseReset();
            var (mark, pause) = course.Asked is { } asked && await HasTakenAsync(course, either.Token)
                ? (asked, TimeSpan.Zero)
                : await CheckpointAsync(job, course, either.Token);
            course.Asked = null;
            course.RefuseReset();
            return new MadeCheckpoint(mark, pause, Bytes: 0);
        }
        catch (HypervisorException e)
        {
            Judge(job, e.Error, e.Message + (e.RecommendedAction is { } action ? $" {action}" : ""));
            throw;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            var silence = FormattableString.Invariant(
                $"COLO stands still: it was not ready within {_plan.CheckpointPatience.TotalSeconds:0.#} s. {ColoVersions.Remedy}");
            Found = await JudgeSilenceAsync(job, silence);
            throw new HypervisorException(
                silence, FaultDomain.Network, isTransient: true, error: HypervisorError.TimedOut,
                recommendedAction: "Check the network between the two hosts, and the backup host's load.");
        }
    }

    public async Task<bool> HasAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var id = PairDomains.Of(_plan.VM, checkpoint.Standby);
        if ((await host.SendAsync(new ReadWhereabouts(id), cancellationToken)).IsNotRunning()
            || !await StandbyStart.IsThereAsync(host, _plan.VM, checkpoint.Standby, checkpoint.Attempt, cancellationToken))
        {
            return false;
        }

        await host.SendAsync(new QemuCommand(id, "query-status"), cancellationToken); // one whose monitor is silent cannot take over
        return _takeover.KnowsOutput(checkpoint);
    }

    public async Task<ConsoleGate> BringAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        _comparison = null;
        using var limit = new CancellationTokenSource(_plan.CheckpointPatience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            var gate = await _takeover.BringAsync(host, checkpoint, either.Token);
            if (_course is { } course)
            {
                _course = null;
                await course.DisposeAsync();
            }

            return gate;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HypervisorException(
                $"The standby on {host.HostName} does not leave COLO.", FaultDomain.Host, isTransient: true, error: HypervisorError.TimedOut,
                innerException: e, recommendedAction: "See QEMU's log of the standby on its host.");
        }
    }

    /// <summary>There is nothing to load: the standby has it. To let it go on would be to use it up.</summary>
    public async Task<TimeSpan> DrillAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var begun = _time.GetTimestamp();
        return await HasAsync(host, checkpoint, cancellationToken)
            ? _time.GetElapsedTime(begun)
            : throw new HypervisorException(
                $"{host.HostName} does not have the last checkpoint any more.", error: HypervisorError.VMNotFound,
                recommendedAction: "The pair makes a new standby: look with Get-KumoiFtPair whether checkpoints are being made.");
    }

    public async Task DropAsync(CheckpointMark? but, CancellationToken cancellationToken)
    {
        if (but is null)
        {
            await ForgetAsync();
            return;
        }

        if (_course is not { } course || course.Attempt != but.Attempt || _last is not { } job)
        {
            return;
        }

        // The standby's going on has been written down.
        if (Mode is PairMode.Colo)
        {
            _comparison = new ConsoleComparison(job.Console, _standbyLog, but, _time);
            course.Notices?.Take(); // of what was before the checkpoint
        }
        else
        {
            using var limit = new CancellationTokenSource(MonitorPatience, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            try
            {
                await course.Standby.StopAsync(either.Token);
            }
            catch (Exception e) when (e is HypervisorException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                // Its next checkpoint finds what is wrong with it. If it runs until then, that is of no matter.
            }
        }
    }

    public async Task<bool> LetGoAsync(
        IHypervisorLink primary, Guid domain, Func<string, IHypervisorLink> hosts, CancellationToken cancellationToken)
    {
        try
        {
            using var limit = new CancellationTokenSource(_plan.CheckpointPatience, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            await _entry.LeaveAsync(primary, domain, _file.Read() is { } step ? hosts(step.Backup) : null, either.Token);
            return true;
        }
        catch (HypervisorException e)
        {
            return e.Error is HypervisorError.VMNotFound;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>
    /// The primary goes on without COLO. Its standby stays as it is: it can go on until a checkpoint of another engine counts, as when the
    /// primary has died.
    /// </summary>
    /// <exception cref="HypervisorException">It is to be tried again.</exception>
    public async Task PartAsync(CheckpointJob job, CancellationToken cancellationToken)
    {
        _comparison = null;
        if (_course is not { } course || !course.IsOf(job, PairDomains.Of(_plan.VM, job.Standby)))
        {
            return;
        }

        using var limit = new CancellationTokenSource(_plan.CheckpointPatience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await course.Primary.LeaveAsync(either.Token);
            await course.Primary.AllowColoAsync(false, either.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HypervisorException(
                $"QEMU on {job.Primary.HostName} does not leave COLO.", FaultDomain.Host, isTransient: true,
                error: HypervisorError.TimedOut, innerException: e,
                recommendedAction: "See QEMU's log of the VM in /var/log/libvirt/qemu on its host.");
        }

        await ForgetAsync();
    }

    public async Task<CheckpointCause> UntilDueAsync(TimeSpan period, Func<bool> isWanted, CancellationToken cancellationToken)
    {
        if (_comparison is not { } comparison)
        {
            await Task.Delay(period, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return CheckpointCause.Period;
        }

        var begun = _time.GetTimestamp();
        while (_time.GetElapsedTime(begun) < period && !isWanted() && !cancellationToken.IsCancellationRequested)
        {
            if (!comparison.Look() || _course is { Standby.HasReset: true } || _course?.Notices?.Take() is true)
            {
                return CheckpointCause.Mismatch;
            }

            await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return CheckpointCause.Period;
    }

    public async ValueTask DisposeAsync()
    {
        await ForgetAsync(); // the standby itself stays: another controller may need it
    }

    /// <summary>Stops both guests, writes down what the checkpoint is, and has QEMU make it.</summary>
    private async Task<(CheckpointMark Mark, TimeSpan Pause)> CheckpointAsync(
        CheckpointJob job, ColoCourse course, CancellationToken cancellationToken)
    {
        var step = new ColoStep(course.Standby.Host.HostName, course.Number, course.Attempt) { MayStand = true };
        CheckpointMark mark;
        try
        {
            _file.Write(step);
            await Task.WhenAll(course.Primary.StopAsync(cancellationToken), course.Standby.StopAsync(cancellationToken));
            mark = new CheckpointMark(job.Number, job.Console.Cut())
            {
                Attempt = course.Attempt,
                Standby = course.Number,
                StandbyOutput = _standbyLog.LengthOf(course.Number),
            };
            await _held.WriteAsync(mark, job.Console, cancellationToken);
            _file.Write(step with { Asked = mark });
            (course.Asked, course.AskedAt) = (mark, _time.GetTimestamp());
            course.Primary.Expect();
            course.Standby.Expect();
        }
        catch (HypervisorException)
        {
            await GoOnAsync(course);
            throw;
        }

        await course.Primary.CheckpointAsync(cancellationToken);
        await course.Standby.GoesOnAsync(cancellationToken);
        return (mark, await course.Primary.GoesOnAsync(cancellationToken));
    }

    /// <summary>
    /// Whether the standby has taken the checkpoint that QEMU was asked for, where that is not known. Both stood still then; when both stand
    /// still for long, QEMU has not been asked. Asked a second time in the middle, it would make two.
    /// </summary>
    private async Task<bool> HasTakenAsync(ColoCourse course, CancellationToken cancellationToken)
    {
        var paused = 0;
        while (await course.Standby.StatusAsync(cancellationToken) is var status && status is not "running")
        {
            paused = status is "paused" && await course.Primary.StatusAsync(cancellationToken) is "paused" ? paused + 1 : 0;
            if (paused * BetweenLooks > MonitorPatience)
            {
                course.Asked = null;
                return false;
            }

            await Task.Delay(BetweenLooks, _time, cancellationToken);
        }

        return true;
    }

    /// <summary>Both monitors answer, which those of a QEMU whose COLO is broken do not after a while.</summary>
    private async Task AnswerAsync(ColoCourse course, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(MonitorPatience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        await Task.WhenAll(course.Primary.StatusAsync(either.Token), course.Standby.StatusAsync(either.Token));
        course.Asked = null;
    }

    /// <summary>QEMU was not asked for the checkpoint: the primary goes on as before.</summary>
    private async Task GoOnAsync(ColoCourse course)
    {
        using var limit = new CancellationTokenSource(MonitorPatience, _time);
        try
        {
            await course.Primary.ContinueAsync(limit.Token);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            // It goes on with the next attempt, or when the pair gives up; or it is fenced.
        }
    }

    /// <summary>What no further attempt can mend.</summary>
    private void Judge(CheckpointJob job, HypervisorError error, string reason) =>
        Found = !IsSound(job) ? new PairEvent.CheckpointsFail(reason)
            : error is HypervisorError.VMNotFound ? new PairEvent.BackupLost(reason)
            : _course is { Asked: not null } course && _time.GetElapsedTime(course.AskedAt) >= _plan.CheckpointPatience
                ? new PairEvent.PrimaryLost(reason)
                : null;

    /// <summary>
    /// COLO stands still. Where the standby's monitor answers it can go on, and the primary, which goes on by itself whenever the network is
    /// back, must be fenced.
    /// </summary>
    private async Task<PairEvent?> JudgeSilenceAsync(CheckpointJob job, string reason)
    {
        if (!IsSound(job) || _course is not { } course)
        {
            return new PairEvent.CheckpointsFail(reason);
        }

        var answers = await Task.WhenAll(AnswersAsync(course.Primary), AnswersAsync(course.Standby));
        return answers switch
        {
            [true, false] => new PairEvent.BackupLost(reason),
            [_, true] when course.Asked is not null || !answers[0] => new PairEvent.PrimaryLost(reason),
            _ => null, // whoever hears the hosts finds it
        };
    }

    private async Task<bool> AnswersAsync(ColoQemu side)
    {
        using var limit = new CancellationTokenSource(MonitorPatience, _time);
        try
        {
            await side.StatusAsync(limit.Token);
            return true;
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>It has been seen to work, at first or since.</summary>
    private bool IsSound(CheckpointJob job) => job.Committed is not null || _course is { IsTried: true };

    private async Task ForgetAsync()
    {
        _comparison = null;
        if (_course is { } course)
        {
            _course = null;
            await course.DisposeAsync();
        }
    }
}
