namespace Kumoi.Tests.Lineage;

/// <summary>Lets asynchronous functions finish in an order drawn from a seed, on one thread: every run of a seed is the same.</summary>
internal sealed class Scramble(int seed)
{
    private readonly Random _random = new(seed);
    private readonly List<TaskCompletionSource> _under = [];

    /// <summary>How many functions were under way at once, at most.</summary>
    public int MostAtOnce { get; private set; }

    /// <summary>Awaited in a function: it goes on when it is drawn.</summary>
    public Task TurnAsync()
    {
        var turn = new TaskCompletionSource();
        _under.Add(turn);
        MostAtOnce = Math.Max(MostAtOnce, _under.Count);
        return turn.Task;
    }

    /// <summary>Drives the evaluation to its end.</summary>
    public T Run<T>(Func<Task<T>> evaluate)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            var task = evaluate();
            while (!task.IsCompleted)
            {
                var drawn = _under[_random.Next(_under.Count)];
                _under.Remove(drawn);
                drawn.SetResult();
            }

            return task.GetAwaiter().GetResult();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }
}
