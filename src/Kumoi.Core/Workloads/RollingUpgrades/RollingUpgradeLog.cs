using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Fleets.Journaling;
using Kumoi.Journal;

namespace Kumoi.Workloads.RollingUpgrades;

/// <summary>
/// What the journal has of one rolling upgrade. It is open from its first command to the one that ends it, over any number of
/// interruptions; the same name then begins another one. Whoever appends to it has read all that is there: of two sessions only one can
/// work on it.
/// </summary>
internal sealed class RollingUpgradeLog
{
    private const string NameProperty = "rollOut";
    private const string StepProperty = "step";

    private readonly FleetJournal _fleetJournal;
    private readonly string _name;
    private readonly Dictionary<string, RollingUpgradeState> _all = new(StringComparer.Ordinal);
    private long _readTo;

    /// <summary>The <see cref="RollingUpgradeState.BegunBy"/> that this session knows as the last, or has written itself.</summary>
    private long _begunBy;

    private RollingUpgradeLog(FleetJournal fleetJournal, IJournal journal, string name)
    {
        _fleetJournal = fleetJournal;
        Journal = journal;
        _name = name;
    }

    /// <summary>Where it is, from its reading to its end.</summary>
    public IJournal Journal { get; }

    /// <inheritdoc cref="RollingUpgradeState.OpenSince"/>
    public DateTimeOffset? OpenSince => State.OpenSince;

    /// <summary>All rolling upgrades that the journal knows, by name.</summary>
    public IReadOnlyDictionary<string, RollingUpgradeState> All => _all;

    private RollingUpgradeState State => _all.TryGetValue(_name, out var state) ? state : _all[_name] = new RollingUpgradeState();

    private bool IsTakenOver => State.BegunBy != _begunBy;

    /// <summary>Of the upgrade with this name; a new one if the journal has none that is open.</summary>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public static async Task<RollingUpgradeLog> ReadAsync(FleetJournal journal, string name, CancellationToken cancellationToken)
    {
        var log = new RollingUpgradeLog(journal, await journal.OpenAsync(cancellationToken), name);
        await log.ReadNewAsync(cancellationToken);
        log._begunBy = log.State.BegunBy;
        return log;
    }

    public RollingUpgradeStep StepOf(KumoiConnection host) => State.Steps.GetValueOrDefault(host.Identity);

    public bool Has(KumoiConnection host) => State.Steps.ContainsKey(host.Identity);

    /// <summary>
    /// Its hosts that are not done, by what tells them apart. Simulated hosts that are not among those given are gone for good.
    /// </summary>
    public IReadOnlyList<string> Unfinished(IReadOnlyList<KumoiConnection> connected)
    {
        var known = connected.Select(host => host.Identity).ToHashSet(StringComparer.Ordinal);
        return [.. State.Steps.Where(pair => pair.Value is not RollingUpgradeStep.Done
            && (known.Contains(pair.Key) || !IsSimulated(pair.Key))).Select(pair => pair.Key)];
    }

    /// <summary>A command begins to work on these hosts.</summary>
    /// <param name="hosts">The hosts.</param>
    /// <param name="whyNot">What keeps it from that, by all that the journal has at this moment; null: nothing.</param>
    /// <param name="cancellationToken">Nothing was begun.</param>
    public async Task BeginAsync(IReadOnlyList<KumoiConnection> hosts, Func<Exception?> whyNot, CancellationToken cancellationToken)
    {
        do
        {
            if (whyNot() is { } why)
            {
                throw why;
            }
        }
        while (!await TryAppendAsync(
            RollingUpgradeState.Begun, host: null,
            $"The rolling upgrade '{_name}' {(OpenSince is null ? "begins" : "goes on")} with {hosts.Count} hosts.",
            RollingUpgradeState.DescribeBegin(hosts.Select(host => host.Identity), OperationOwner.Current), cancellationToken));
        _begunBy = State.BegunBy;
    }

    /// <summary>A host has come so far. When this returns it survives.</summary>
    /// <returns>False: another session has taken the upgrade over, and this one must do nothing more.</returns>
    public Task<bool> StepAsync(KumoiConnection host, RollingUpgradeStep step, string message) =>
        AppendAsync(step.ToString(), host, message, new JsonObject { [RollingUpgradeState.HostProperty] = host.Identity });

    /// <summary>The command ends, and the upgrade waits for the next.</summary>
    public async Task PauseAsync()
    {
        try
        {
            await AppendAsync(RollingUpgradeState.Paused, host: null, $"The rolling upgrade '{_name}' has paused.", []);
        }
        catch (JournalException e)
        {
            _fleetJournal.NoteFailure(e);
        }
    }

    /// <summary>All hosts are done.</summary>
    public Task CompleteAsync() =>
        AppendAsync(RollingUpgradeState.Completed, host: null, $"The rolling upgrade '{_name}' is complete.", []);

    /// <summary>False: another session has taken it over, and nothing was written.</summary>
    private async Task<bool> AppendAsync(string step, KumoiConnection? host, string message, JsonObject data)
    {
        while (!IsTakenOver)
        {
            if (await TryAppendAsync(step, host, message, data, CancellationToken.None))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>False: others have written meanwhile, and that is read now.</summary>
    private async Task<bool> TryAppendAsync(
        string step, KumoiConnection? host, string message, JsonObject data, CancellationToken cancellationToken)
    {
        data[NameProperty] = _name;
        data[StepProperty] = step;
        var happened = new KumoiEvent
        {
            At = _fleetJournal.Now,
            Kind = KumoiEventKind.RollingUpgrade,
            VMHost = host?.Name,
            Message = message,
            Data = data.ToJsonString(),
        };
        if (await Journal.TryAppendAsync(happened, _readTo, cancellationToken) is { } sequence)
        {
            Take(happened with { Sequence = sequence });
            return true;
        }

        await ReadNewAsync(cancellationToken);
        return false;
    }

    private async Task ReadNewAsync(CancellationToken cancellationToken)
    {
        var query = new EventQuery { Kinds = [KumoiEventKind.RollingUpgrade], AfterSequence = _readTo };
        await foreach (var happened in Journal.ReadEventsAsync(query, cancellationToken))
        {
            Take(happened);
        }
    }

    private void Take(KumoiEvent happened)
    {
        _readTo = happened.Sequence;
        try
        {
            var data = JsonNode.Parse(happened.Data)!;
            if ((string?)data[NameProperty] is { } name)
            {
                (_all.TryGetValue(name, out var state) ? state : _all[name] = new RollingUpgradeState())
                    .Take((string?)data[StepProperty], data, happened.At, happened.Sequence);
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            // A newer version may have written it.
        }
    }

    private static bool IsSimulated(string identity) => identity.Contains('#', StringComparison.Ordinal);
}
