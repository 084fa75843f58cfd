using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets.Journaling;
using Kumoi.Journal;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// The pairs that the journal knows. Whoever takes one has read all that is there: of two processes only one can keep it. What a pair does
/// from checkpoint to checkpoint is not here, but in its own file.
/// </summary>
internal sealed class PairLog
{
    private const string PairProperty = "pair";
    private const string StepProperty = "step";
    private const string OrderProperty = "order";
    private const string OwnerProperty = "owner";
    private const string RecordProperty = "record";

    private readonly FleetJournal _fleetJournal;
    private readonly IJournal _journal;
    private readonly Dictionary<Guid, PairState> _all = [];
    private readonly SemaphoreSlim _turn = new(1);
    private long _readTo;

    private PairLog(FleetJournal fleetJournal, IJournal journal) => (_fleetJournal, _journal) = (fleetJournal, journal);

    /// <summary>With all that the journal has until now.</summary>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public static async Task<PairLog> ReadAsync(FleetJournal fleetJournal, CancellationToken cancellationToken)
    {
        var log = new PairLog(fleetJournal, await fleetJournal.OpenAsync(cancellationToken));
        await log.ReadNewAsync(cancellationToken);
        return log;
    }

    /// <summary>Those that are not over, as the journal has them now.</summary>
    public async Task<IReadOnlyList<PairState>> ReadOpenAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await ReadNewAsync(cancellationToken);
            return [.. _all.Values.Where(static state => !state.IsOver)];
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Whether a pair that the journal knows is over. One that it does not know may be another user's.</summary>
    public bool IsOver(Guid pair)
    {
        lock (_all)
        {
            return _all.TryGetValue(pair, out var state) && state.IsOver;
        }
    }

    /// <summary>Whether the journal has the pair, over or not, as far as it was read.</summary>
    public bool Knows(Guid pair)
    {
        lock (_all)
        {
            return _all.ContainsKey(pair);
        }
    }

    /// <summary>A new pair, or one that nobody keeps, belongs to this process from here on.</summary>
    /// <param name="order">The pair.</param>
    /// <param name="force">Whoever keeps it, or another pair of the VM, is known to be gone.</param>
    /// <param name="cancellationToken">Nothing was taken.</param>
    /// <returns>Why not; null: it does.</returns>
    public async Task<string?> TakeAsync(PairOrder order, bool force, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            while (true)
            {
                if (_all.Values.FirstOrDefault(state => !state.IsOver && state.Order.VM == order.VM) is { } open && !force
                    && WhyNot(open, order) is { } why)
                {
                    return why;
                }

                var isKnown = _all.ContainsKey(order.Id);
                var data = new JsonObject
                {
                    [OrderProperty] = JsonNode.Parse(order.ToJson()),
                    [OwnerProperty] = OperationOwner.Current.ToToken(),
                };
                var message = isKnown
                    ? $"Goes on with the fault-tolerant pair of '{order.VMName}'."
                    : $"'{order.VMName}' is to be protected: it runs on {order.Primary}.";
                if (await TryAppendAsync("Taken", order, null, message, data, cancellationToken))
                {
                    return null;
                }
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The pair came into another phase, or has other hosts.</summary>
    public Task ChangeAsync(PairOrder order, PairRecord? record, string message) => AppendAsync(
        record is { IsOver: true } ? "Over" : "Changed", order, record?.Primary, message,
        record is null ? [] : new JsonObject { [RecordProperty] = JsonSerializer.SerializeToNode(record, PairFile.Options) });

    /// <summary>It could not be begun, or nobody goes on with it.</summary>
    public Task GiveUpAsync(PairOrder order, string message) => AppendAsync("Over", order, null, message, []);

    /// <summary>A pair of simulated hosts is over with its session. Any other that nobody keeps is there to be gone on with.</summary>
    private static string? WhyNot(PairState open, PairOrder order)
    {
        var isDead = open.Owner?.IsAlive is false;
        return open.Order.Id == order.Id
            ? isDead || open.Owner == OperationOwner.Current ? null : $"the pair of '{order.VMName}' is kept by {Name(open)}"
            : open.Order.IsSimulated && isDead ? null : $"'{order.VMName}' is protected already, by {Name(open)}";

        static string Name(PairState open) => open.Owner?.ToString() ?? "a process that is not known";
    }

    private async Task AppendAsync(string step, PairOrder order, string? host, string message, JsonObject data)
    {
        await _turn.WaitAsync();
        try
        {
            while (!await TryAppendAsync(step, order, host, message, data, CancellationToken.None))
            {
                // Others have written meanwhile, which does not concern it.
            }
        }
        catch (JournalException e)
        {
            // The pair's own file has it.
            _fleetJournal.NoteFailure(e);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>False: others have written meanwhile, and that is read now.</summary>
    private async Task<bool> TryAppendAsync(
        string step, PairOrder order, string? host, string message, JsonObject data, CancellationToken cancellationToken)
    {
        data[PairProperty] = order.Id;
        data[StepProperty] = step;
        var happened = new KumoiEvent
        {
            At = _fleetJournal.Now,
            Kind = KumoiEventKind.FaultTolerance,
            VMHost = host,
            VM = order.VMName,
            Message = message,
            Data = data.ToJsonString(),
        };
        if (await _journal.TryAppendAsync(happened, _readTo, cancellationToken) is { } sequence)
        {
            Take(happened with { Sequence = sequence });
            return true;
        }

        await ReadNewAsync(cancellationToken);
        return false;
    }

    private async Task ReadNewAsync(CancellationToken cancellationToken)
    {
        var query = new EventQuery { Kinds = [KumoiEventKind.FaultTolerance], AfterSequence = _readTo };
        await foreach (var happened in _journal.ReadEventsAsync(query, cancellationToken))
        {
            Take(happened);
        }
    }

    private void Take(KumoiEvent happened)
    {
        _readTo = happened.Sequence;
        lock (_all)
        {
            try
            {
                Take(happened, JsonNode.Parse(happened.Data)!);
            }
            catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
            {
                // A newer version may have written it.
            }
        }
    }

    private void Take(KumoiEvent happened, JsonNode data)
    {
        if (data[PairProperty]?.GetValue<Guid>() is not { } id)
        {
            return;
        }

        if (data[OrderProperty] is { } order)
        {
            var owner = (string?)data[OwnerProperty] is { } token ? OperationOwner.TryParse(token) : null;
            _all[id] = _all.TryGetValue(id, out var known)
                ? known with { Owner = owner, IsOver = false }
                : new PairState(PairOrder.FromJson(order.ToJsonString()), owner, happened.At);
        }
        else if (_all.TryGetValue(id, out var state))
        {
            var record = data[RecordProperty]?.Deserialize<PairRecord>(PairFile.Options);
            _all[id] = state with { Last = record ?? state.Last, IsOver = (string?)data[StepProperty] is "Over" };
        }
    }
}
