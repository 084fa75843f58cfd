using System.Text.Json;
using Kumoi.Agent.Work;
using Kumoi.Agents;
using Kumoi.Journal;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Concurrency;
using Orleans.Configuration;

namespace Kumoi.Agent.Grains;

/// <summary>Its loop runs outside of its turns: the grain begins it and ends it.</summary>
[Reentrant]
[CollectionAgeLimit(AlwaysActive = true)]
internal sealed class UsageGrain(
    WorkBook book, RunningWork running, AgentHosts hosts, IJournal journal, AgentSettings settings, ILogger<UsageGrain> log)
    : Grain, IUsageGrain
{
    private UsageWork? _work;

    public async Task<bool> GiveAsync(string order)
    {
        if (!await book.TryGiveAsync(AgentWorkKind.Usage, IUsageGrain.Key, order, CancellationToken.None))
        {
            return false;
        }

        Begin(order);
        return true;
    }

    public Task ResumeAsync()
    {
        if (_work is null && book.Find(AgentWorkKind.Usage, IUsageGrain.Key) is { Error: null } item)
        {
            Begin(item.Order);
        }

        return Task.CompletedTask;
    }

    public async Task<bool> StopAsync()
    {
        var work = _work;
        if (!await book.TryTakeAsync(AgentWorkKind.Usage, IUsageGrain.Key, CancellationToken.None))
        {
            return false;
        }

        if (work is not null)
        {
            await running.EndAsync(work);
        }

        _work = _work == work ? null : _work;
        return true;
    }

    private void Begin(string order) => _work = running.Begin(
        () => new UsageWork(JsonSerializer.Deserialize(order, AgentJson.Default.UsageOrder)!, hosts, journal, settings.Time, log));
}
