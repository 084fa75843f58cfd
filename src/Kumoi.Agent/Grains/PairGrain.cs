using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kumoi.Agent.Work;
using Kumoi.Agents;
using Orleans;
using Orleans.Concurrency;
using Orleans.Configuration;

namespace Kumoi.Agent.Grains;

/// <summary>The pair's controller runs outside of its turns.</summary>
[Reentrant]
[CollectionAgeLimit(AlwaysActive = true)]
internal sealed class PairGrain(AgentPairs pairs) : Grain, IPairGrain
{
    private Guid VM => this.GetPrimaryKey();

    public async Task<string> StartAsync(string start, CancellationToken cancellationToken) => ToJson(
        await pairs.StartAsync(JsonSerializer.Deserialize(start, AgentJson.Default.PairStart)!, cancellationToken),
        AgentJson.Default.KumoiFtPair)!;

    public Task ResumeAsync() => pairs.ResumeAsync(VM, CancellationToken.None);

    public async Task<string?> StopAsync() => ToJson(await pairs.StopAsync(VM), AgentJson.Default.KumoiFtPair);

    public async Task<string?> SwitchAsync(CancellationToken cancellationToken) =>
        ToJson(await pairs.SwitchAsync(VM, cancellationToken), AgentJson.Default.KumoiFtPair);

    public async Task<string?> DrillAsync(CancellationToken cancellationToken) =>
        ToJson(await pairs.DrillAsync(VM, cancellationToken), AgentJson.Default.KumoiFtDrill);

    private static string? ToJson<T>(T? value, JsonTypeInfo<T> type)
        where T : class => value is null ? null : JsonSerializer.Serialize(value, type);
}
