using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Fleets.Journaling;

namespace Kumoi.FailureOblivious;

/// <summary>Masked failures as events in the journal: what was masked is not silent, also for those who did not look.</summary>
internal static class MaskedEvents
{
    /// <summary>Tells the fleet's journal what was masked. Repeated failures of one host or VM are one event with a count.</summary>
    public static void Tell(this Fleet fleet, MaskLog log)
    {
        if (fleet.Journal is { } journal && log.Failures is { Count: > 0 } failures)
        {
            journal.Tell([.. ObjectEvents(fleet, journal, failures), .. ListEvents(fleet, journal, failures)]);
        }
    }

    private static IEnumerable<KumoiEvent> ObjectEvents(Fleet fleet, FleetJournal journal, IReadOnlyList<MaskedFailure> failures) =>
        failures.OfType<MaskedObjectFailure>().Select(failure => ToEvent(
            fleet, journal, failure.Type, failure.Description,
            new JsonObject
            {
                ["member"] = failure.Member,
                ["arguments"] = failure.Arguments,
                ["cause"] = failure.Cause.Message,
                ["count"] = failure.Count,
            }));

    private static IEnumerable<KumoiEvent> ListEvents(Fleet fleet, FleetJournal journal, IReadOnlyList<MaskedFailure> failures) =>
        from failure in failures.OfType<MaskedListFailure>()
        from left in failure.Elements
        group left by (failure.Operation, left.Element, Cause: left.Cause.Message) into repeated
        select ToEvent(
            fleet, journal, repeated.Key.Element, $"{repeated.Key.Operation} left out {repeated.Key.Element}: {repeated.Key.Cause}",
            new JsonObject
            {
                ["operation"] = repeated.Key.Operation,
                ["element"] = repeated.Key.Element,
                ["cause"] = repeated.Key.Cause,
                ["count"] = repeated.Count(),
            });

    private static KumoiEvent ToEvent(Fleet fleet, FleetJournal journal, string element, string message, JsonObject data)
    {
        var host = fleet.Find(element)?.Name;
        return new KumoiEvent
        {
            At = journal.Now,
            Kind = KumoiEventKind.FailureOblivious,
            VMHost = host,
            VM = host is null ? element : null,
            Message = message,
            Data = data.ToJsonString(),
        };
    }
}
