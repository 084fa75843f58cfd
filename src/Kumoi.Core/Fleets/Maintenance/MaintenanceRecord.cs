using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kumoi.Fleets.Maintenance;

/// <summary>An event of the kind Maintenance, as the journal keeps it.</summary>
/// <param name="Host">The identity of the host.</param>
/// <param name="Step">What happened.</param>
internal sealed record MaintenanceRecord(string Host, MaintenanceStep Step)
{
    /// <summary>Suspended: the rolling upgrade that did it.</summary>
    public string? RollingUpgrade { get; init; }

    /// <summary>The VM that leaves, has left, or has come back.</summary>
    public Guid? VM { get; init; }

    /// <summary>Left: the identity of the host that it was moved to.</summary>
    public string? Target { get; init; }

    /// <summary>Null: it cannot be understood; a newer version may have written it.</summary>
    public static MaintenanceRecord? Parse(KumoiEvent happened)
    {
        try
        {
            var data = JsonNode.Parse(happened.Data)!;
            return (string?)data["host"] is { } host && Enum.TryParse<MaintenanceStep>((string?)data["step"], out var step)
                ? new MaintenanceRecord(host, step)
                {
                    RollingUpgrade = (string?)data["rollOut"],
                    VM = (string?)data["vm"] is { } vm ? Guid.Parse(vm) : null,
                    Target = (string?)data["target"],
                }
                : null;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    public KumoiEvent ToEvent(string host, DateTimeOffset at, string message, string? vm = null)
    {
        var data = new JsonObject { ["step"] = Step.ToString(), ["host"] = Host };
        foreach (var (name, value) in new[] { ("rollOut", RollingUpgrade), ("vm", VM?.ToString("D")), ("target", Target) })
        {
            if (value is not null)
            {
                data[name] = value;
            }
        }

        return new KumoiEvent
        {
            At = at,
            Kind = KumoiEventKind.Maintenance,
            VMHost = host,
            VM = vm,
            Message = message,
            Data = data.ToJsonString()
        };
    }
}
