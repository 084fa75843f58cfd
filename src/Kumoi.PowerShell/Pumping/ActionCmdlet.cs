using System.Collections.Concurrent;
using System.Management.Automation;
using System.Threading.Channels;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Lineage;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Pumping;

/// <summary>
/// A cmdlet that does something with each of its elements, concurrently, and replaces those that failed by what the same pipeline would
/// have chosen next (<see cref="Lineage.TerminalLineage"/>). Its children only say what to do: <see cref="CreateRequests"/>.
/// </summary>
public abstract partial class ActionCmdlet : FleetCmdlet
{
    /// <summary>A pipeline that brings more than this many elements waits for some to settle.</summary>
    private const int MaxUnsettled = 4096;

    private readonly Channel<Action<Cmdlet>> _messages = Channel.CreateBounded<Action<Cmdlet>>(256);
    private readonly List<ActionRun> _runs = [];
    private readonly List<ActionRequest> _candidates = [];
    private SemaphoreSlim? _throttle;
    private TerminalLineage? _lineage;
    private ReplaySession? _replay;
    private int _position;
    private int _firstUnwritten;
    private bool _ended;
    private Task _message = Task.CompletedTask;

    /// <summary>How many elements are worked on at a time.</summary>
    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = 32;

    /// <summary>A failed element is an error at once; no other takes its place.</summary>
    [Parameter]
    public SwitchParameter NoSubstitution { get; set; }

    /// <summary>
    /// A failure that nothing could replace is no error: the element is left out. One that may have taken effect all the same is an error
    /// even so.
    /// </summary>
    [Parameter]
    public SwitchParameter FailureOblivious { get; set; }

    /// <summary>What was done to an element before it failed is left as it is, to be looked at.</summary>
    [Parameter]
    public SwitchParameter KeepFailed { get; set; }

    /// <summary>Marks a replay of this cmdlet by another. Not for users.</summary>
    [Parameter(DontShow = true)]
    [ValidateNotNullOrEmpty]
    public string? ReplayToken { get; set; }

    /// <summary>Whether ShouldProcess is asked at all: -Force of a cmdlet with a high impact means do not ask.</summary>
    private protected virtual bool AsksFirst => true;

    /// <summary>
    /// Whether another element may stand in for a failed one. Not where that would be a harm: who asks for a VM to be removed or stopped
    /// means that VM.
    /// </summary>
    private protected virtual bool MeansAnyElement => true;

    /// <summary>Why this cmdlet replaces nothing, wherever its elements come from; null if it may.</summary>
    internal string? OwnObstacle =>
        NoSubstitution ? "-NoSubstitution was given"
        : KumoiPreference.Of(this).Substitution is SubstitutionPreference.None ? "$KumoiPreference.Substitution is None"
        : IsWhatIf() ? "nothing is done with -WhatIf"
        : MeansAnyElement ? null
        : $"{MyInvocation.MyCommand.Name} acts on what was chosen, and on nothing else";

    /// <summary>The hosts that came for one request, each once, in the order in which they came.</summary>
    private protected IReadOnlyList<KumoiConnection> Candidates => [.. _candidates.Select(candidate => candidate.Candidate!)];

    /// <summary>In a replay that takes a substitute to this cmdlet: it tells what it would do, and does nothing.</summary>
    private protected bool IsBindingOnly => _replay is not null && _position == _replay.Terminal;

    protected sealed override void BeginProcessing()
    {
        base.BeginProcessing();
        _throttle = new SemaphoreSlim(ThrottleLimit);
        if (ReplayToken is not null)
        {
            (_replay, _position) = Replay.Find(ReplayToken)
                ?? throw new PSInvalidOperationException("-ReplayToken is not for use in scripts.");
        }
        else
        {
            _lineage = TerminalLineage.Of(this);
        }

        Masked = MaskedFailures.Of(this, FailureOblivious);
        Prepare();
    }

    /// <summary>Called once, before any object was bound.</summary>
    private protected virtual void Prepare()
    {
    }

    protected sealed override void ProcessRecord()
    {
        Submit(CreateRequests());
        Drain(waitForAll: false);
        while (_runs.Count - _firstUnwritten > MaxUnsettled && Unsettled() is { Count: > 0 } unsettled)
        {
            WaitForMessageOr(Task.WhenAny(unsettled));
            Drain(waitForAll: false);
        }
    }

    protected sealed override void EndProcessing()
    {
        if (IsBindingOnly)
        {
            return;
        }

        Submit(CreateLastRequests());
        Drain(waitForAll: true);
        if (_lineage is not null)
        {
            _ended = true;
            Substitute(_lineage);
            foreach (var left in _runs.Where(run => run is { Error: not null, Request.Origin: not null }))
            {
                _lineage.LeaveOut(left.Request.Origin!.Index);
            }

            LastTrace.Set(_lineage.Trace);
        }

        // What exists is written before any error: with -ErrorAction Stop the first error ends the pipeline.
        foreach (var run in InLineageOrder(_runs.Where(run => !run.IsWritten)).OrderBy(run => run.Error is not null))
        {
            Write(run);
        }

        WarnOfJournal();
        Masked?.Warn();
    }

    /// <summary>What to do with the objects that were bound. Called on the pipeline thread for each input.</summary>
    private protected abstract IEnumerable<ActionRequest> CreateRequests();

    /// <summary>What to do with all that was bound together, when the input has ended.</summary>
    private protected virtual IEnumerable<ActionRequest> CreateLastRequests() => [];

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // The pipeline may have been cut short: work not begun is dropped, work under way finishes or is undone.
            Cancel();
            Task.WhenAll(_runs.Select(run => Task.WhenAny(run.Task))).Wait(PatienceAfterStop);
            TellWhatWasCutShort();
            _lineage?.Dispose();
            _throttle?.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Begins to read an element again.</summary>
    internal Task<object?> StartRead(LineageSource source, int index) => source.ReadAgainAsync(index, StopToken);

    internal (object? Fresh, string? Reason) EndRead(Task<object?> reading)
    {
        try
        {
            return (Await(reading), null);
        }
        catch (HypervisorException e)
        {
            return (null, e.Message);
        }
    }

    /// <summary>Begins with the requests that the user does not decline; true if there was none of those.</summary>
    private bool Submit(IEnumerable<ActionRequest> requests, bool isSubstitute = false)
    {
        var accepted = true;
        foreach (var request in requests)
        {
            if (IsBindingOnly)
            {
                _replay!.Receive(request);
                continue;
            }

            if (!isSubstitute && request.ForOthers is null)
            {
                _lineage?.Arrived(request.Origin);
            }

            if (request.Candidate is { } candidate)
            {
                if (!_candidates.Exists(known => ReferenceEquals(known.Candidate, candidate)))
                {
                    _candidates.Add(request);
                }

                continue;
            }

            if ((!AsksFirst && !IsWhatIf()) || ShouldProcess(request.ShouldProcessTarget, request.Verb))
            {
                var outcomes = Watch();
                _runs.Add(new ActionRun(request, Begin(request, outcomes), outcomes) { IsSubstitute = isSubstitute });
            }
            else
            {
                accepted = false;
                if (request.Origin is { } declined && !isSubstitute)
                {
                    _lineage?.LeaveOut(declined.Index);
                }
            }
        }

        return accepted;
    }

    /// <summary>The innermost that this cmdlet works for: the action whose block it is called in, or a pipeline in whose steps it is.</summary>
    private OpenOutcomes Watch()
    {
        var action = OpenOutcomes.Current;
        var pipeline = PipelineRun.Enclosing(_lineage?.OwnRun)?.Outcomes;
        return new OpenOutcomes(pipeline is not null && pipeline.Depth > (action?.Depth ?? -1) ? pipeline : action);
    }

    private Task<ActionResult> Begin(ActionRequest request, OpenOutcomes outcomes)
    {
        if (request.Work is { } work)
        {
            return Task.Run(() => RunThrottledAsync(request, work, outcomes), CancellationToken.None);
        }

        using (outcomes.Enter())
        {
            try
            {
                return Task.FromResult(request.InlineWork!());
            }
            catch (ActionFailedException e)
            {
                return Task.FromException<ActionResult>(e);
            }
        }
    }

    private async Task<ActionResult> RunThrottledAsync(
        ActionRequest request, Func<ActionProgress, CancellationToken, Task<ActionResult>> work, OpenOutcomes outcomes)
    {
        await _throttle!.WaitAsync(StopToken);
        using var watch = (request.SettlesItsCalls ? new OpenOutcomes(null) : outcomes).Enter();
        try
        {
            return await ListenAsync(work, new ActionProgress(_messages));
        }
        catch (Exception e) when (FaultRules.OperationMayHaveTakenEffect(e) && !outcomes.IsOpen)
        {
            // Not from one call: the action as a whole says so, or failed in a way that nobody has thought of.
            outcomes.Add($"{request.Verb} of {request.Target}", e.Message);
            throw;
        }
        finally
        {
            _throttle.Release();
        }
    }

    /// <summary>What the calls warn of is written whatever became of them.</summary>
    private async Task<ActionResult> ListenAsync(Func<ActionProgress, CancellationToken, Task<ActionResult>> work, ActionProgress progress)
    {
        ConcurrentQueue<string> warnings = new();
        try
        {
            using var listening = CallWarnings.Listen(warnings.Enqueue);
            return await work(progress, StopToken);
        }
        finally
        {
            foreach (var warning in warnings.TakeWhile(_ => !StopToken.IsCancellationRequested))
            {
                await progress.WarnAsync(warning, CancellationToken.None).WaitAsync(StopToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Drain(bool waitForAll)
    {
        while (true)
        {
            while (_messages.Reader.TryRead(out var message))
            {
                message(this);
            }

            // In this order: what settles after it was looked at is in the list, and ends the wait at once.
            var unsettled = Unsettled();
            WriteSettled();
            if (!waitForAll)
            {
                return;
            }

            if (unsettled.Count > 0)
            {
                WaitForMessageOr(Task.WhenAny(unsettled));
            }
            else if (_messages.Reader.Count == 0)
            {
                return;
            }
        }
    }

    /// <summary>Looked at once: what is under way can settle at any moment.</summary>
    private List<Task> Unsettled() => [.. _runs.Skip(_firstUnwritten).Where(run => !run.IsSettled).Select(run => run.Task)];

    private void WaitForMessageOr(Task settled)
    {
        // One waiter at a time: each new one would stay in the channel until a message comes.
        if (_message.IsCompleted)
        {
            _message = _messages.Reader.WaitToReadAsync(StopToken).AsTask();
        }

        WaitForEnd(Task.WhenAny(settled, _message));
    }

    /// <summary>Writes what is settled, in order. Failures that may still be replaced wait for the end.</summary>
    private void WriteSettled()
    {
        if (_lineage is { SettlesBeforeOutput: true })
        {
            return;
        }

        for (; _firstUnwritten < _runs.Count && _runs[_firstUnwritten].IsSettled; _firstUnwritten++)
        {
            var run = _runs[_firstUnwritten];
            if (!run.IsWritten && (run.Error is null || (!run.IsSubstitute && !CanBeReplaced(run, inputEnded: false))))
            {
                Write(run);
            }
        }
    }

    private void Write(ActionRun run)
    {
        run.IsWritten = true;
        if (run.Error is { } error)
        {
            WriteUnreplaced(run, error);
            return;
        }

        if (_replay is not null && run.Task.Result.MovedTo is { } movedTo)
        {
            _replay.Moved(movedTo);
        }

        if (_replay is not null && run.Task.Result.Undo is { } undo)
        {
            _replay.Did(new DoneStep(MyInvocation.MyCommand.Name, undo));
        }

        if (run.Request.InlineWork is not null)
        {
            foreach (var open in run.Open.Where(open => open.Why is not null))
            {
                WriteWarning($"{open}. The action on {run.Request.Target} did not tell.");
            }
        }

        try
        {
            foreach (var output in run.Task.Result.Output)
            {
                WriteObject(WithOrigin(output, run));
            }
        }
        catch (PipelineStoppedException) when (!Stopping)
        {
            // A later command has enough. Failures that waited to be replaced are errors now.
            foreach (var failed in _runs.Where(other => other is { IsWritten: false, IsSettled: true, Error: not null, IsSubstitute: false }).ToList())
            {
                failed.IsWritten = true;
                WriteUnreplaced(failed, failed.Error!);
            }

            throw;
        }
    }

    private void WriteUnreplaced(ActionRun run, Exception error)
    {
        if (_replay is not null)
        {
            _replay.Fail(error);
            return;
        }

        if (FaultRules.IsNotUndone(error))
        {
            NoteDebris(MyInvocation.MyCommand.Name, run.Request.Target, error.Message);
        }

        if (Masked is not null && MaskedFailures.CanBeMasked(error) && !run.IsOutcomeOpen && run.Open.Count == 0)
        {
            Masked.Add(run.Request.Target.ToString()!, error);
        }
        else if (run.Verdict is { } verdict)
        {
            WriteError(verdict);
        }
        else if (error is ActionFailedException failed)
        {
            failed.Records.ForEach(WriteError);
            WriteHidden(run, failed);
        }
        else if (error is not OperationCanceledException || !StopToken.IsCancellationRequested)
        {
            WriteFailure(error, run.Request.Target);
        }
    }

    /// <summary>What a script block has not told of: another error says nothing of a VM that may be there.</summary>
    private void WriteHidden(ActionRun run, ActionFailedException failed)
    {
        foreach (var open in run.Open.Where(open => !failed.Records.Exists(record => FaultRules.MayHaveTakenEffect(record.Exception))))
        {
            WriteError(Errors.ToRecord(
                new HypervisorException($"{open}.", outcomeUnknown: true, recommendedAction: "See what is there with Get-KumoiVM before you do it again."),
                run.Request.Target, Errors.OutcomeUnknownId));
        }
    }

    /// <summary>What comes out stands for the element that went in, with what was done to it.</summary>
    private object WithOrigin(object output, ActionRun run)
    {
        if (run.Request.Origin is not { } origin)
        {
            return output;
        }

        var done = run.Task.Result.MovedTo is { } to ? [.. origin.Done.Select(step => step with { MovedTo = to })] : origin.Done;
        done = run.Task.Result.Undo is { } undo ? [.. done, new DoneStep(MyInvocation.MyCommand.Name, undo)] : done;
        var moved = origin with
        {
            IsElement = false,
            Done = done,
            Trace = _lineage?.Trace ?? origin.Trace,
            LeftOpen = run.Outcomes.IsOpen ? [.. origin.LeftOpen, run.Outcomes] : origin.LeftOpen,
        };
        return (output is PSObject wrapped ? wrapped.BaseObject : output) switch
        {
            KumoiVM vm => vm.WithOrigin(moved),
            KumoiHost host => host.WithOrigin(moved),
            _ => output,
        };
    }
}
