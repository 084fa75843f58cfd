using System.Management.Automation;
using Kumoi.Fleets.Journaling;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Jobs;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Substitution;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// A cmdlet that does something with each of its elements, concurrently, and replaces those that failed by what the same pipeline would
/// have chosen next (<see cref="SubstitutionRounds"/>). Its children only say what to do: <see cref="CreateRequests"/>.
/// </summary>
[PipelineRole(StepKind.Action)]
public abstract partial class ActionCmdlet : FleetCmdlet
{
    /// <summary>A pipeline that brings more than this many elements waits for some to settle.</summary>
    private const int MaxUnsettled = 4096;

    private readonly List<ActionRun> _runs = [];
    private readonly List<ActionRequest.Candidate> _candidates = [];
    private ActionPump? _pump;
    private TerminalLineage? _lineage;
    private SubstitutionRounds? _rounds;
    private ReplaySession? _replay;
    private int _position;
    private int _firstUnwritten;
    private bool _ended;
    private IActionOutput _output;
    private KumoiJob? _job;

    /// <summary>Writes to its pipeline, unless a job goes on with it.</summary>
    protected ActionCmdlet() => _output = new PipelineOutput(this);

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

    /// <summary>
    /// The prompt is free at once: a job goes on with the work, and has its output. Nothing takes the place of what fails there, because
    /// the pipeline that would choose it has ended.
    /// </summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

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

    /// <summary>The hosts that came for one request, each once, in the order in which they came.</summary>
    private protected IReadOnlyList<KumoiConnection> Candidates => [.. _candidates.Select(candidate => candidate.Host)];

    /// <summary>The hosts that the references name, each once: the preferred first, as they were given.</summary>
    private protected List<KumoiConnection> FindCandidates(IEnumerable<HostReference> references) =>
        [.. references.SelectMany(reference => FindHosts([reference])).Distinct()];

    /// <summary>A host that came for one request with others.</summary>
    private protected static ActionRequest.Candidate CandidateRequest(KumoiConnection host, KumoiHost? given, string verb) => new()
    {
        Target = given ?? (object)host.Name,
        ShouldProcessTarget = host.Name,
        Verb = verb,
        Origin = LineageSource.OriginOf(given),
        Host = host,
    };

    /// <summary>In a replay that takes a substitute to this cmdlet: it binds what it would do, and does nothing.</summary>
    private protected bool IsBindingOnly => _replay is not null && _position == _replay.Terminal;

    protected sealed override void BeginProcessing()
    {
        base.BeginProcessing();
        _pump = new ActionPump(ThrottleLimit, StopToken);
        if (ReplayToken is not null)
        {
            (_replay, _position) = Replay.Find(ReplayToken)
                ?? throw new PSInvalidOperationException("-ReplayToken is not for use in scripts.");
        }
        else if (!AsJob)
        {
            _lineage = TerminalLineage.Of(this);
            _rounds = _lineage is null ? null : new SubstitutionRounds(this, _lineage);
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
        if (AsJob && !IsBindingOnly)
        {
            WaitForRoom();
            return;
        }

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
        if (AsJob)
        {
            HandOver();
            return;
        }

        Drain(waitForAll: true);
        if (_rounds is not null && _lineage is not null)
        {
            _ended = true;
            _rounds.Replace();
            foreach (var left in _runs.Where(run => run is { Error: not null, Request.Origin: not null }))
            {
                _lineage.LeaveOut(left.Request.Origin!.Index);
            }

            LastTrace.Set(_lineage.Trace);
        }

        // What exists is written before any error: with -ErrorAction Stop the first error ends the pipeline.
        var unwritten = _runs.Where(run => !run.IsWritten);
        foreach (var run in (_rounds?.InLineageOrder(unwritten) ?? [.. unwritten]).OrderBy(run => run.Error is not null))
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
        if (_job is not null)
        {
            return; // which disposes this when it has ended
        }

        if (disposing)
        {
            // The pipeline may have been cut short: work not begun is dropped, work under way finishes or is undone.
            Cancel();
            Task.WhenAll(_runs.Select(run => Task.WhenAny(run.Task))).Wait(PatienceAfterStop);
            AddWhatWasCutShort();
            _lineage?.Dispose();
            _pump?.Dispose();
        }

        base.Dispose(disposing);
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

            if (!isSubstitute && request is not ActionRequest.ForSeveralHosts)
            {
                _lineage?.Arrived(request.Origin);
            }

            if (request is ActionRequest.Candidate candidate)
            {
                if (!_candidates.Exists(known => ReferenceEquals(known.Host, candidate.Host)))
                {
                    _candidates.Add(candidate);
                }

                continue;
            }

            if ((!AsksFirst && !IsWhatIf()) || ShouldProcess(request.ShouldProcessTarget, request.Verb))
            {
                var outcomes = Watch();
                _runs.Add(new ActionRun(request, _pump!.Begin(request, outcomes), outcomes) { IsSubstitute = isSubstitute });
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

    /// <summary>
    /// The innermost that this cmdlet works for: the action whose block it is called in, or a pipeline in whose steps it is.
    /// </summary>
    private OpenOutcomes Watch()
    {
        var action = OpenOutcomes.Current;
        var pipeline = PipelineRun.Enclosing(_lineage?.Run)?.Outcomes;
        return new OpenOutcomes(pipeline is not null && pipeline.Depth > (action?.Depth ?? -1) ? pipeline : action);
    }

    private void Drain(bool waitForAll)
    {
        while (true)
        {
            _pump!.WriteMessages(_output);

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
            else if (!_pump.HasMessages)
            {
                return;
            }
        }
    }

    /// <summary>Looked at once: what is under way can settle at any moment.</summary>
    private List<Task> Unsettled() => [.. _runs.Skip(_firstUnwritten).Where(run => !run.IsSettled).Select(run => run.Task)];

    private void WaitForMessageOr(Task settled) => WaitForEnd(Task.WhenAny(settled, _pump!.NextMessage()));

    /// <summary>Writes what is settled, in order. Failures that may still be replaced wait for the end.</summary>
    private void WriteSettled()
    {
        if (_rounds is { SettlesBeforeOutput: true })
        {
            return;
        }

        for (; _firstUnwritten < _runs.Count && _runs[_firstUnwritten].IsSettled; _firstUnwritten++)
        {
            var run = _runs[_firstUnwritten];
            if (!run.IsWritten && (run.Error is null || (!run.IsSubstitute && !(_rounds?.CanBeReplaced(run, inputEnded: false) ?? false))))
            {
                Write(run);
            }
        }
    }
}
