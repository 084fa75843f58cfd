using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kumoi.Agent.Work;
using Kumoi.Agents;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Orleans;
using Orleans.Concurrency;
using Orleans.Configuration;

namespace Kumoi.Agent.Grains;

/// <summary>Its pair runs outside of its turns: the grain begins it, ends it, and tells how it is.</summary>
[Reentrant]
[CollectionAgeLimit(AlwaysActive = true)]
internal sealed class PairGrain(AgentPairs pairs) : Grain, IPairGrain
{
    private Guid VM => this.GetPrimaryKey();

    public Task<(bool IsDone, string Json)> StartAsync(string start, CancellationToken cancellationToken)
    {
        var wanted = JsonSerializer.Deserialize(start, AgentJson.Default.PairStart)!;
        return AnswerAsync(
            async () => await pairs.StartAsync(wanted.Order, wanted.Force, cancellationToken), AgentJson.Default.KumoiFtPair, wanted.Order.VMName);
    }

    public Task ResumeAsync() => pairs.ResumeAsync(VM);

    public Task<(bool IsDone, string Json)> StopAsync() => AnswerAsync(() => pairs.Service.StopAsync(VM), AgentJson.Default.KumoiFtPair);

    public Task<(bool IsDone, string Json)> SwitchAsync(CancellationToken cancellationToken) =>
        AnswerAsync(() => pairs.Service.SwitchAsync(VM, cancellationToken), AgentJson.Default.KumoiFtPair);

    public Task<(bool IsDone, string Json)> DrillAsync(CancellationToken cancellationToken) =>
        AnswerAsync(() => pairs.Service.DrillAsync(VM, cancellationToken), AgentJson.Default.KumoiFtDrill);

    private async Task<(bool IsDone, string Json)> AnswerAsync<T>(Func<Task<T?>> act, JsonTypeInfo<T> type, string? name = null)
        where T : class
    {
        AgentFailure failure;
        try
        {
            if (await act() is { } answer)
            {
                return (true, JsonSerializer.Serialize(answer, type));
            }

            failure = new AgentFailure(
                AgentError.NotFound, $"The agent does not protect {name ?? $"the VM {VM:D}"}.", "Get-KumoiFtPair lists what it protects.");
        }
        catch (HypervisorException e)
        {
            failure = AgentFailure.Of(e);
        }
        catch (JournalException e)
        {
            failure = new AgentFailure(AgentError.JournalFailed, e.Message, e.RecommendedAction);
        }

        return (false, JsonSerializer.Serialize(failure, AgentJson.Default.AgentFailure));
    }
}
