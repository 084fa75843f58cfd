using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Fleets.Journaling;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Speculation;

/// <summary>The journal of one operation on several targets. What it has returned from is on the disk.</summary>
internal sealed class SpeculationLog
{
    /// <summary>The event's property that holds the step.</summary>
    public const string StepProperty = "step";

    private const string KindProperty = "kind";
    private const string SimulatedProperty = "isSimulated";
    private const string ReplicasProperty = "replicas";
    private const string HostProperty = "host";
    private const string EndingProperty = "ending";
    private const string DurationProperty = "durationSec";
    private const string ProgressProperty = "progress";

    private readonly FleetJournal _journal;
    private readonly JournaledOperation _operation;

    private SpeculationLog(FleetJournal journal, JournaledOperation operation)
    {
        _journal = journal;
        _operation = operation;
    }

    public OperationId Operation => new(Intent.Id);

    public Guid VMId => Intent.VMId!.Value;

    private OperationIntent Intent => _operation.Intent;

    /// <summary>The plan of an operation, as a repair needs it.</summary>
    public static OperationIntent Plan(
        SpeculationMark mark, VMReading vm, KumoiConnection host, List<KumoiConnection> candidates, JsonObject details, DateTimeOffset now)
    {
        details["candidates"] = new JsonArray([.. candidates.Select(one => new JsonObject { ["name"] = one.Name, ["uri"] = one.Uri })]);
        return new()
        {
            Id = mark.Operation.Value,
            Kind = mark.IsStart ? OperationKind.SpeculativeStart : OperationKind.SpeculativeMigrate,
            VMHost = host.Name,
            IsSimulated = host.IsSimulated,
            VMId = vm.Id,
            VM = vm.Name,
            StartedAt = now,
            Details = details.ToJsonString(),
        };
    }

    /// <summary>Writes the plan.</summary>
    /// <exception cref="JournalException">Nothing may be begun.</exception>
    public static async Task<SpeculationLog> BeginAsync(FleetJournal journal, OperationIntent plan, CancellationToken cancellationToken) =>
        new(journal, await journal.BeginAsync(plan, cancellationToken));

    /// <summary>Writes a step that is about to be done, or was seen.</summary>
    /// <exception cref="JournalException">It must not be done.</exception>
    public Task StepAsync(SpeculationStep step, string host) => _operation.Journal.AppendAsync(ToEvent(step, host), CancellationToken.None);

    /// <summary>Writes a step that was seen, and others follow from: a journal that cannot be written changes nothing any more.</summary>
    public Task TellAsync(SpeculationStep step, string host) => _journal.TellAsync(_operation, ToEvent(step, host));

    public Task EndAsync(OperationState state, string? error = null) =>
        _journal.EndAsync(_operation, new OperationOutcome(state, _journal.Now, error));

    /// <summary>Writes what each target said about its host, for <see cref="HostReliability"/>.</summary>
    /// <param name="kind">What the hosts were relied on for.</param>
    /// <param name="memoryBytes">The VM's size.</param>
    /// <param name="replicas">All targets that were tried.</param>
    public Task TellOutcomesAsync(ReliabilityKind kind, long memoryBytes, IReadOnlyList<ReplicaOutcome> replicas) => replicas.Count == 0
        ? Task.CompletedTask
        : _journal.TellAsync(_operation, new KumoiEvent
        {
            At = _journal.Now,
            Kind = KumoiEventKind.Speculation,
            VM = Intent.VM,
            OperationId = Intent.Id,
            Message = $"'{Intent.VM}': {string.Join(", ", replicas.Select(replica => $"{replica.VMHost} {WordOf(replica.Ending)}"))}.",
            Data = new JsonObject
            {
                [StepProperty] = nameof(SpeculationStep.Ended),
                [KindProperty] = kind.ToString(),
                [SimulatedProperty] = Intent.IsSimulated,
                [JournalDetails.MemoryBytes] = memoryBytes,
                [ReplicasProperty] = new JsonArray([.. replicas.Select(replica => new JsonObject
                {
                    [HostProperty] = replica.VMHost,
                    [EndingProperty] = replica.Ending.ToString(),
                    [DurationProperty] = replica.Duration.TotalSeconds,
                    [ProgressProperty] = replica.Progress,
                })]),
            }.ToJsonString(),
        });

    /// <summary>What the targets of an operation said about their hosts; null: the event does not tell.</summary>
    public static IReadOnlyList<HostReliability.Observation>? ReadOutcomes(KumoiEvent told)
    {
        try
        {
            if (JsonNode.Parse(told.Data) is not JsonObject data || (string?)data[StepProperty] is not nameof(SpeculationStep.Ended))
            {
                return null;
            }

            var kind = ToEnum<ReliabilityKind>(data[KindProperty]);
            var isSimulated = (bool)data[SimulatedProperty]!;
            var memoryBytes = (long)data[JournalDetails.MemoryBytes]!;
            return [.. data[ReplicasProperty]!.AsArray().Select(replica => new HostReliability.Observation(
                told.At, (string)replica![HostProperty]!, kind, isSimulated, ToEnum<ReplicaEnding>(replica[EndingProperty]),
                TimeSpan.FromSeconds((double)replica[DurationProperty]!), (double)replica[ProgressProperty]!, memoryBytes))];
        }
        catch (Exception e) when (
            e is JsonException or FormatException or InvalidOperationException or ArgumentNullException or NullReferenceException)
        {
            // Of a version that writes it in another way.
            return null;
        }
    }

    /// <summary>A name that this version does not know is the enum's zero value.</summary>
    private static T ToEnum<T>(JsonNode? name)
        where T : struct, Enum => Enum.TryParse<T>((string?)name, out var value) ? value : default;

    private static string WordOf(ReplicaEnding ending) => ending switch
    {
        ReplicaEnding.Won => "won",
        ReplicaEnding.Complete => "was complete too",
        ReplicaEnding.Abandoned => "was overtaken",
        ReplicaEnding.Failed => "failed",
        ReplicaEnding.TooSlow => "was too slow",
        _ => "does not count",
    };

    private KumoiEvent ToEvent(SpeculationStep step, string host) => new()
    {
        At = _journal.Now,
        Kind = KumoiEventKind.Speculation,
        VMHost = host,
        VM = Intent.VM,
        OperationId = Intent.Id,
        Message = step switch
        {
            SpeculationStep.Finishing => $"'{Intent.VM}' is started on {host}.",
            SpeculationStep.Absent => $"'{Intent.VM}' is not on {host}.",
            _ => $"'{Intent.VM}' runs on {host}.",
        },
        Data = new JsonObject { [StepProperty] = step.ToString() }.ToJsonString(),
    };
}
