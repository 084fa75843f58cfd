using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Journal;

namespace Kumoi.Workloads;

/// <summary>
/// What the journal has of one rolling upgrade. It is open from its first command to the one that ends it, over any number of interruptions;
/// the same name then begins another one.
/// </summary>
internal sealed class RollOutLog
{
    private const string NameProperty = "rollOut";
    private const string StepProperty = "step";
    private const string HostProperty = "host";
    private const string HostsProperty = "hosts";

    // The steps of the whole; those of a host are RollOutStep.
    private const string Begun = "Begun";
    private const string Paused = "Paused";
    private const string Completed = "Completed";

    private readonly FleetJournal _journal;
    private readonly string _name;
    private readonly Dictionary<string, RollOutStep> _steps = new(StringComparer.Ordinal);

    private RollOutLog(FleetJournal journal, string name)
    {
        _journal = journal;
        _name = name;
    }

    /// <summary>When its first command began; null: it is not open.</summary>
    public DateTimeOffset? OpenSince { get; private set; }

    /// <summary>Who works on it, as far as the journal tells; null: nobody.</summary>
    public OperationOwner? Owner { get; private set; }

    /// <summary>Of the upgrade with this name; a new one if the journal has none that is open.</summary>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public static async Task<RollOutLog> ReadAsync(FleetJournal journal, string name, CancellationToken cancellationToken)
    {
        var log = new RollOutLog(journal, name);
        await foreach (var happened in journal.ReadEventsAsync(new EventQuery { Kinds = [KumoiEventKind.RollOut] }, cancellationToken))
        {
            log.Take(happened);
        }

        return log;
    }

    public RollOutStep StepOf(KumoiConnection host) => _steps.GetValueOrDefault(host.Identity);

    public bool Has(KumoiConnection host) => _steps.ContainsKey(host.Identity);

    /// <summary>Its hosts that are not done, by what tells them apart. Simulated hosts that are not among those given are gone for good.</summary>
    public IReadOnlyList<string> Unfinished(IReadOnlyList<KumoiConnection> connected)
    {
        var known = connected.Select(host => host.Identity).ToHashSet(StringComparer.Ordinal);
        return [.. _steps.Where(pair => pair.Value is not RollOutStep.Done && (known.Contains(pair.Key) || !IsSimulated(pair.Key))).Select(pair => pair.Key)];
    }

    /// <summary>A command begins to work on these hosts.</summary>
    public Task BeginAsync(IReadOnlyList<KumoiConnection> hosts, CancellationToken cancellationToken)
    {
        var owner = OperationOwner.Current;
        return AppendAsync(
            Begun, host: null, $"The rolling upgrade '{_name}' {(OpenSince is null ? "begins" : "goes on")} with {hosts.Count} hosts.",
            new JsonObject
            {
                [HostsProperty] = new JsonArray([.. hosts.Select(host => (JsonNode)host.Identity)]),
                ["processId"] = owner.ProcessId,
                ["processStartedAt"] = owner.ProcessStartedAt.ToString("O", CultureInfo.InvariantCulture),
                ["machine"] = owner.Machine,
                ["user"] = owner.User,
            },
            cancellationToken);
    }

    /// <summary>A host has come so far. When this returns it survives.</summary>
    public Task StepAsync(KumoiConnection host, RollOutStep step, string message) =>
        AppendAsync(step.ToString(), host, message, new JsonObject { [HostProperty] = host.Identity }, CancellationToken.None);

    /// <summary>The command ends, and the upgrade waits for the next.</summary>
    public Task PauseAsync() => _journal.TellAsync(Event(Paused, host: null, $"The rolling upgrade '{_name}' has paused.", []));

    /// <summary>All hosts are done.</summary>
    public Task CompleteAsync() => AppendAsync(Completed, host: null, $"The rolling upgrade '{_name}' is complete.", [], CancellationToken.None);

    private async Task AppendAsync(string step, KumoiConnection? host, string message, JsonObject data, CancellationToken cancellationToken)
    {
        var happened = Event(step, host, message, data);
        await _journal.AppendAsync(happened, cancellationToken);
        Take(happened);
    }

    private KumoiEvent Event(string step, KumoiConnection? host, string message, JsonObject data)
    {
        data[NameProperty] = _name;
        data[StepProperty] = step;
        return new KumoiEvent { At = _journal.Now, Kind = KumoiEventKind.RollOut, VMHost = host?.Name, Message = message, Data = data.ToJsonString() };
    }

    private void Take(KumoiEvent happened)
    {
        try
        {
            var data = JsonNode.Parse(happened.Data)!;
            if ((string?)data[NameProperty] == _name)
            {
                Take((string?)data[StepProperty], data, happened.At);
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            // A newer version may have written it.
        }
    }

    private void Take(string? step, JsonNode data, DateTimeOffset at)
    {
        switch (step)
        {
            case Begun:
                OpenSince ??= at;
                Owner = new OperationOwner(
                    (int)data["processId"]!, DateTimeOffset.Parse((string)data["processStartedAt"]!, CultureInfo.InvariantCulture),
                    (string)data["machine"]!, (string)data["user"]!);
                foreach (var host in data[HostsProperty]!.AsArray())
                {
                    _steps.TryAdd((string)host!, RollOutStep.None);
                }

                break;
            case Paused:
                Owner = null;
                break;
            case Completed:
                (OpenSince, Owner) = (null, null);
                _steps.Clear();
                break;
            default:
                if ((string?)data[HostProperty] is { } of && Enum.TryParse<RollOutStep>(step, out var reached))
                {
                    _steps[of] = reached;
                }

                break;
        }
    }

    private static bool IsSimulated(string identity) => identity.Contains('#', StringComparison.Ordinal);
}
