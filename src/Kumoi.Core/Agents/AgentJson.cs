using System.Text.Json.Serialization;

namespace Kumoi.Agents;

/// <summary>What goes between a session and the agent, and what the journal has of the agent's work, as JSON.</summary>
[JsonSourceGenerationOptions(
    UseStringEnumConverter = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(AgentFailure))]
[JsonSerializable(typeof(AgentStatus))]
[JsonSerializable(typeof(ScalingOrder))]
[JsonSerializable(typeof(UsageOrder))]
[JsonSerializable(typeof(KumoiFtDrill))]
[JsonSerializable(typeof(KumoiFtPair))]
[JsonSerializable(typeof(IReadOnlyList<KumoiFtPair>))]
[JsonSerializable(typeof(PairStart))]
[JsonSerializable(typeof(KumoiScaling))]
[JsonSerializable(typeof(IReadOnlyList<KumoiScaling>))]
public sealed partial class AgentJson : JsonSerializerContext;
