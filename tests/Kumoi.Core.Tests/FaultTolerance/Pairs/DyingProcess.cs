using Kumoi.Hypervisors.Calls;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>
/// A process that is killed at a step of a pair: a call that changes something on a host. From there on nothing of it reaches a host.
/// </summary>
internal sealed class DyingProcess : IDisposable
{
    private readonly CancellationTokenSource _death = new();
    private int _left = int.MaxValue;
    private bool _isDone;

    /// <summary>The process is dead.</summary>
    public CancellationToken Death => _death.Token;

    /// <summary>What happens at the step instead of its death; null: it dies.</summary>
    public Func<Task>? Instead { get; init; }

    /// <summary>The step at which it died; null: it lives.</summary>
    public string? DiedAt { get; private set; }

    public bool IsArmed => Volatile.Read(ref _left) < int.MaxValue / 2;

    /// <summary>It dies at the n-th step from now on, 1 being the next, before or after it is done.</summary>
    public void DieAt(int step, bool isDone)
    {
        _isDone = isDone;
        Volatile.Write(ref _left, step);
    }

    public async ValueTask<T> StepAsync<T>(string name, Func<ValueTask<T>> call)
    {
        Death.ThrowIfCancellationRequested();
        var isLast = Interlocked.Decrement(ref _left) == 0;
        if (isLast)
        {
            DiedAt = $"{(_isDone ? "after" : "before")} {name}";
        }

        if (isLast && !_isDone)
        {
            await HappenAsync();
        }

        Death.ThrowIfCancellationRequested();
        var result = await call();
        if (isLast && _isDone)
        {
            await HappenAsync();
        }

        Death.ThrowIfCancellationRequested();
        return result;
    }

    private Task HappenAsync() => Instead?.Invoke() ?? _death.CancelAsync();

    public void Dispose() => _death.Dispose();

    /// <summary>What the call is called; null: it changes nothing.</summary>
    public static string? NameOf(object call) => call switch
    {
        QemuCommand { Command: var command } => command.StartsWith("query-", StringComparison.Ordinal) ? null : command,
        StartStandby or RemoveStandby or DestroyVM or ResumeVM or StartVM => call.GetType().Name,
        _ => null,
    };
}
