using System.Globalization;
using System.Text.Json.Nodes;
using Kumoi.Journal;

namespace Kumoi.Workloads.RollingUpgrades;

/// <summary>What the journal has of one rolling upgrade, up to the last event that was read.</summary>
internal sealed class RollingUpgradeState
{
    // The steps of the whole; those of a host are RollingUpgradeStep.
    public const string Begun = "Begun";
    public const string Paused = "Paused";
    public const string Completed = "Completed";

    public const string HostProperty = "host";
    public const string HostsProperty = "hosts";

    private readonly Dictionary<string, RollingUpgradeStep> _steps = new(StringComparer.Ordinal);

    /// <summary>When its first command began; null: it is not open.</summary>
    public DateTimeOffset? OpenSince { get; private set; }

    /// <summary>Who works on it, as far as the journal tells; null: nobody.</summary>
    public OperationOwner? Owner { get; private set; }

    /// <summary>The event by which the last command has begun; 0: none has. It tells whose turn it is.</summary>
    public long BegunBy { get; private set; }

    public IReadOnlyDictionary<string, RollingUpgradeStep> Steps => _steps;

    public static JsonObject DescribeBegin(IEnumerable<string> hosts, OperationOwner owner) => new()
    {
        [HostsProperty] = new JsonArray([.. hosts.Select(host => (JsonNode)host)]),
        ["processId"] = owner.ProcessId,
        ["processStartedAt"] = owner.ProcessStartedAt.ToString("O", CultureInfo.InvariantCulture),
        ["processStart"] = owner.Start,
        ["machine"] = owner.Machine,
        ["user"] = owner.User,
    };

    public void Take(string? step, JsonNode data, DateTimeOffset at, long sequence)
    {
        switch (step)
        {
            case Begun:
                OpenSince ??= at;
                BegunBy = sequence;
                Owner = new OperationOwner(
                    (int)data["processId"]!, DateTimeOffset.Parse((string)data["processStartedAt"]!, CultureInfo.InvariantCulture),
                    (string)data["machine"]!, (string)data["user"]!)
                {
                    Start = (string?)data["processStart"],
                };
                foreach (var host in data[HostsProperty]!.AsArray())
                {
                    _steps.TryAdd((string)host!, RollingUpgradeStep.None);
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
                if ((string?)data[HostProperty] is { } of && Enum.TryParse<RollingUpgradeStep>(step, out var reached))
                {
                    _steps[of] = reached;
                }

                break;
        }
    }
}
