using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Journal;

namespace Kumoi.Speculation;

/// <summary>The journal of one operation on several targets. What it has returned from is on the disk.</summary>
internal sealed class SpeculationLog
{
    /// <summary>The event's property that holds the step.</summary>
    public const string StepProperty = "step";

    private readonly FleetJournal _journal;
    private readonly OperationIntent _intent;
    private readonly long _sequence;

    private SpeculationLog(FleetJournal journal, OperationIntent intent, long sequence)
    {
        _journal = journal;
        _intent = intent;
        _sequence = sequence;
    }

    /// <summary>Writes the plan.</summary>
    /// <exception cref="JournalException">Nothing may be begun.</exception>
    public static async Task<SpeculationLog> BeginAsync(FleetJournal journal, OperationIntent intent, CancellationToken cancellationToken) =>
        new(journal, intent, await journal.BeginAsync(intent, cancellationToken));

    /// <summary>Writes a step that is about to be done, or was seen.</summary>
    /// <exception cref="JournalException">It must not be done.</exception>
    public Task StepAsync(SpeculationStep step, string host) => _journal.AppendAsync(ToEvent(step, host), CancellationToken.None);

    /// <summary>Writes a step that was seen, and that others follow from: a journal that cannot be written changes nothing any more.</summary>
    public Task TellAsync(SpeculationStep step, string host) => _journal.TellAsync(ToEvent(step, host));

    public Task EndAsync(OperationState state, string? error = null) =>
        _journal.EndAsync(_sequence, _intent, new OperationOutcome(state, _journal.Now, error));

    private KumoiEvent ToEvent(SpeculationStep step, string host) => new()
    {
        At = _journal.Now,
        Kind = KumoiEventKind.Speculation,
        VMHost = host,
        VM = _intent.VM,
        OperationId = _intent.Id,
        Message = step switch
        {
            SpeculationStep.Finishing => $"'{_intent.VM}' is started on {host}.",
            SpeculationStep.Absent => $"'{_intent.VM}' is not on {host}.",
            _ => $"'{_intent.VM}' runs on {host}.",
        },
        Data = new JsonObject { [StepProperty] = step.ToString() }.ToJsonString(),
    };
}
