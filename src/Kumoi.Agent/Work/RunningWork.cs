using System.Collections.Concurrent;

namespace Kumoi.Agent.Work;

/// <summary>All that the agent does right now, so that all of it ends before the agent does. Safe for concurrent use.</summary>
internal sealed class RunningWork
{
    private readonly ConcurrentDictionary<IWork, bool> _all = new();

    public T Begin<T>(Func<T> begin)
        where T : IWork
    {
        var work = begin();
        _all[work] = true;
        return work;
    }

    public async Task EndAsync(IWork work)
    {
        await work.EndAsync();
        _all.TryRemove(work, out _);
    }

    public Task EndAllAsync() => Task.WhenAll(_all.Keys.Select(EndAsync));
}
