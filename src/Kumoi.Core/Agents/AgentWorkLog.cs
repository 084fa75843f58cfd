using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Journal;

namespace Kumoi.Agents;

/// <summary>
/// What the journal has of the agent's work. Whoever appends to it has read all that is there, so that of two who decide at once one finds
/// out. It is not safe for concurrent use.
/// </summary>
public sealed class AgentWorkLog(IJournal journal, TimeProvider time)
{
    private const string StepProperty = "step";
    private const string KindProperty = "work";
    private const string NameProperty = "name";
    private const string OrderProperty = "order";
    private const string ErrorProperty = "error";
    private const string OwnerProperty = "owner";
    private const string Given = nameof(Given);
    private const string Taken = nameof(Taken);
    private const string Failed = nameof(Failed);
    private const string Begun = nameof(Begun);

    private readonly Dictionary<(AgentWorkKind, string), AgentWorkItem> _items = [];
    private long _readTo;

    /// <summary>All that was given and not taken away, in the order in which it was given.</summary>
    public IReadOnlyList<AgentWorkItem> Items => [.. _items.Values.OrderBy(item => item.GivenAt)];

    /// <summary>The agent that has begun to work on it last; null: none has.</summary>
    public OperationOwner? Agent { get; private set; }

    public AgentWorkItem? Find(AgentWorkKind kind, string name) => _items.GetValueOrDefault((kind, name));

    /// <summary>Reads what has come since.</summary>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public async Task ReadAsync(CancellationToken cancellationToken)
    {
        var query = new EventQuery { Kinds = [KumoiEventKind.Agent], AfterSequence = _readTo };
        await foreach (var happened in journal.ReadEventsAsync(query, cancellationToken))
        {
            Take(happened);
        }
    }

    /// <summary>This process works on it from now on. Nothing is written where there is nothing to do.</summary>
    /// <exception cref="JournalException">It must not begin.</exception>
    public async Task BeginAsync(CancellationToken cancellationToken)
    {
        await ReadAsync(cancellationToken);
        while (_items.Values.Any(item => item.Error is null))
        {
            var data = new JsonObject { [OwnerProperty] = OperationOwner.Current.ToToken() };
            var count = _items.Values.Count(item => item.Error is null);
            if (await TryAppendAsync(
                Begun, FormattableString.Invariant($"The agent begins with what it was given ({count})."), data, cancellationToken))
            {
                return;
            }
        }
    }

    /// <summary>False: it was given already, and nothing was written.</summary>
    /// <exception cref="JournalException">Nothing was given.</exception>
    public async Task<bool> TryGiveAsync(AgentWorkKind kind, string name, string order, CancellationToken cancellationToken)
    {
        await ReadAsync(cancellationToken);
        while (Find(kind, name) is null or { Error: not null })
        {
            var data = DataOf(kind, name);
            data[OrderProperty] = JsonNode.Parse(order);
            data[OwnerProperty] = OperationOwner.Current.ToToken();
            if (await TryAppendAsync(Given, $"The agent was given {Describe(kind, name)}.", data, cancellationToken))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes it away.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="name">What tells it from others.</param>
    /// <param name="mayTake">Asked by all that the journal has at this moment.</param>
    /// <param name="cancellationToken">Nothing was taken.</param>
    /// <returns>False: it is not there, or must not be taken; nothing was written.</returns>
    /// <exception cref="JournalException">It was not taken.</exception>
    public async Task<bool> TryTakeAsync(AgentWorkKind kind, string name, Func<bool> mayTake, CancellationToken cancellationToken)
    {
        await ReadAsync(cancellationToken);
        while (Find(kind, name) is not null && mayTake())
        {
            if (await TryAppendAsync(
                Taken, $"{Describe(kind, name, isFirst: true)} was taken from the agent.", DataOf(kind, name), cancellationToken))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>It has ended by itself, and is not begun again.</summary>
    public async Task FailAsync(AgentWorkKind kind, string name, string error, CancellationToken cancellationToken)
    {
        await ReadAsync(cancellationToken);
        while (Find(kind, name) is { Error: null })
        {
            var data = DataOf(kind, name);
            data[ErrorProperty] = error;
            if (await TryAppendAsync(Failed, $"{Describe(kind, name, isFirst: true)} has ended: {error}", data, cancellationToken))
            {
                return;
            }
        }
    }

    private static string Describe(AgentWorkKind kind, string name, bool isFirst = false) => kind is AgentWorkKind.Scaling
        ? $"{(isFirst ? "The" : "the")} scaling of '{name}'"
        : $"{(isFirst ? "The" : "the")} accounting of what VMs use";

    private static JsonObject DataOf(AgentWorkKind kind, string name) => new()
    {
        [KindProperty] = kind.ToString(),
        [NameProperty] = name,
    };

    /// <summary>False: others have written meanwhile, and that is read now.</summary>
    private async Task<bool> TryAppendAsync(string step, string message, JsonObject data, CancellationToken cancellationToken)
    {
        data[StepProperty] = step;
        var happened = new KumoiEvent
        {
            At = time.GetUtcNow(),
            Kind = KumoiEventKind.Agent,
            Message = message,
            Data = data.ToJsonString(),
        };
        if (await journal.TryAppendAsync(happened, _readTo, cancellationToken) is { } sequence)
        {
            Take(happened with { Sequence = sequence });
            return true;
        }

        await ReadAsync(cancellationToken);
        return false;
    }

    private void Take(KumoiEvent happened)
    {
        _readTo = happened.Sequence;
        try
        {
            var data = JsonNode.Parse(happened.Data)!;
            var owner = (string?)data[OwnerProperty] is { } token ? OperationOwner.TryParse(token) : null;
            if ((string?)data[StepProperty] is Begun)
            {
                Agent = owner;
                return;
            }

            if (!Enum.TryParse<AgentWorkKind>((string?)data[KindProperty], out var kind) || (string?)data[NameProperty] is not { } name)
            {
                return;
            }

            switch ((string?)data[StepProperty])
            {
                case Given when data[OrderProperty]?.ToJsonString() is { } order:
                    _items[(kind, name)] = new AgentWorkItem(kind, name, order, happened.At, Error: null);
                    Agent = owner ?? Agent;
                    break;
                case Taken:
                    _items.Remove((kind, name));
                    break;
                case Failed when Find(kind, name) is { } item:
                    _items[(kind, name)] = item with { Error = (string?)data[ErrorProperty] ?? happened.Message };
                    break;
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            // A newer version may have written it.
        }
    }
}
