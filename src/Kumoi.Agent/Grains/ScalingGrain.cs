using System.Text.Json;
using Kumoi.Agent.Work;
using Kumoi.Agents;
using Kumoi.Journal;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;

namespace Kumoi.Agent.Grains;

/// <summary>Its loop runs outside of its turns: the grain begins it, ends it, and tells how it is at any time.</summary>
[CollectionAgeLimit(AlwaysActive = true)]
internal sealed class ScalingGrain(
    WorkBook book, RunningWork running, AgentHosts hosts, AgentSettings settings, ILogger<ScalingGrain> log) : Grain, IScalingGrain
{
    private ScalingWork? _work;

    private string Group => this.GetPrimaryKeyString();

    public async Task<string?> GiveAsync(string order)
    {
        if (!await book.TryGiveAsync(AgentWorkKind.Scaling, Group, order, CancellationToken.None))
        {
            return null;
        }

        Begin(order);
        return Told();
    }

    public Task ResumeAsync()
    {
        if (_work is null && book.Find(AgentWorkKind.Scaling, Group) is { Error: null } item)
        {
            Begin(item.Order);
        }

        return Task.CompletedTask;
    }

    public Task<string?> StatusAsync() => Task.FromResult(Told());

    public async Task<string?> StopAsync()
    {
        var work = _work;
        // First it is decided, for whoever comes after a crash; then it is done.
        if (!await book.TryTakeAsync(AgentWorkKind.Scaling, Group, CancellationToken.None))
        {
            return null;
        }

        if (work is not null)
        {
            await running.EndAsync(work);
        }

        var told = Told(work, error: null);
        _work = _work == work ? null : _work;
        DeactivateOnIdle();
        return told;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) =>
        _work is null ? Task.CompletedTask : running.EndAsync(_work);

    private void Begin(string order) => _work = running.Begin(() => new ScalingWork(
        JsonSerializer.Deserialize(order, AgentJson.Default.ScalingOrder)!, hosts, settings.Time,
        FailAsync));

    private async Task FailAsync(string error)
    {
#pragma warning disable CA1848, CA1873 // once in the life of a group
        log.LogError("The scaling of {Group} has ended: {Error}", Group, error);
        try
        {
            await book.FailAsync(AgentWorkKind.Scaling, Group, error);
        }
        catch (JournalException e)
        {
            // Then the next agent tries it again.
            log.LogError(e, "This could not be written into the journal.");
        }
#pragma warning restore CA1848, CA1873
    }

    private string? Told() => book.Find(AgentWorkKind.Scaling, Group) is { } item ? Told(_work, item.Error, item) : null;

    private static string? Told(ScalingWork? work, string? error, AgentWorkItem? item = null)
    {
        var status = work?.Status ?? (item is null ? null : WaitingWork.Describe(item));
        return status is null ? null : JsonSerializer.Serialize(
            error is null ? status : status with { State = ScalingState.Failed, Error = error }, AgentJson.Default.KumoiScaling);
    }
}
