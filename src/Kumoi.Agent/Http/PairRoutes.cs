using System.Text;
using System.Text.Json;
using Kumoi.Agent.Grains;
using Kumoi.Agent.Work;
using Kumoi.Agents;
using Microsoft.AspNetCore.Http;
using Orleans;

namespace Kumoi.Agent.Http;

/// <summary>What a session asks about pairs.</summary>
internal sealed class PairRoutes(IGrainFactory grains, AgentPairs pairs)
{
    /// <summary>The answer as JSON.</summary>
    /// <exception cref="AgentException">It cannot be done.</exception>
    public async Task<ReadOnlyMemory<byte>> ActAsync(
        HttpContext context, string method, string path, Func<HttpContext, Task<ReadOnlyMemory<byte>>> readBody)
    {
        if ((method, path) is ("GET", "/pairs"))
        {
            return JsonSerializer.SerializeToUtf8Bytes(pairs.Service.Pairs, AgentJson.Default.IReadOnlyListKumoiFtPair);
        }

        if ((method, path) is ("POST", "/pairs"))
        {
            var start = JsonSerializer.Deserialize((await readBody(context)).Span, AgentJson.Default.PairStart)
                ?? throw new JsonException("There is no pair.");
            return Answer(await grains.GetGrain<IPairGrain>(start.Order.VM).StartAsync(
                JsonSerializer.Serialize(start, AgentJson.Default.PairStart), context.RequestAborted));
        }

        var grain = Guid.TryParse(context.Request.Query["vm"], out var vm) ? grains.GetGrain<IPairGrain>(vm) : throw NoSuchThing();
        return Answer(await ((method, path) switch
        {
            ("POST", "/pairs/stop") => grain.StopAsync(),
            ("POST", "/pairs/switch") => grain.SwitchAsync(context.RequestAborted),
            ("POST", "/pairs/drill") => grain.DrillAsync(context.RequestAborted),
            _ => throw NoSuchThing(),
        }));
    }

    private static AgentException NoSuchThing() => new("The agent has no such thing.", AgentError.NotFound, "");

    private static ReadOnlyMemory<byte> Answer((bool IsDone, string Json) answer) => answer.IsDone
        ? Encoding.UTF8.GetBytes(answer.Json)
        : throw JsonSerializer.Deserialize(answer.Json, AgentJson.Default.AgentFailure)!.ToException();
}
