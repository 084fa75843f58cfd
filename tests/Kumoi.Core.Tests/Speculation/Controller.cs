using Kumoi.Hypervisors;

namespace Kumoi.Tests.Speculation;

/// <summary>
/// A process that runs operations, and can die before or after the effect of each of its calls. Then its connections close: the hosts let
/// go of what it held, and nothing that it still does takes effect.
/// </summary>
internal sealed class Controller
{
    private readonly Lock _gate = new();
    private readonly List<IAsyncDisposable> _held = [];
    private readonly TaskCompletionSource _death = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _moments;

    /// <summary>Dies at this moment, 1, 2, …: each call has two, before and after its effect. 0: never.</summary>
    public int DiesAt { get; init; }

    /// <summary>Fails calls: is told the host and the call's name, and whether it has taken effect; null lets it pass.</summary>
    public Func<string, string, bool, HypervisorException?> Fault { get; set; } = (_, _, _) => null;

    /// <summary>Waits before a call, by its name and host.</summary>
    public Func<string, string, Task> Turn { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Lets a call take effect, by its host and name: at once, later, or never. What it throws is the call's answer.</summary>
    public Func<string, string, Func<Task>, Task> Effect { get; set; } = (_, _, act) => act();

    /// <summary>The calls that took effect, in their order.</summary>
    public List<string> Calls { get; } = [];

    public bool IsDead { get; private set; }

    /// <summary>Ends when it dies: who waits for a call that does not come any more goes on.</summary>
    public Task Death => _death.Task;

    /// <summary>How many moments there were.</summary>
    public int Moments => _moments;

    public async Task<T> CallAsync<T>(string host, string name, Func<Task<T>> call)
    {
        await Turn(host, name);
        Pass();
        if (Fault(host, name, false) is { } before)
        {
            throw before;
        }

        var result = default(T)!;
        await Effect(host, name, async () => result = await call());
        lock (_gate)
        {
            Calls.Add($"{name} {host}");
        }

        Pass();
        return Fault(host, name, true) is { } after ? throw after : result;
    }

    public Task CallAsync(string host, string name, Func<Task> call) => CallAsync(host, name, async () =>
    {
        await call();
        return true;
    });

    /// <summary>What the hosts let go when the controller dies.</summary>
    public void Hold(IAsyncDisposable held)
    {
        lock (_gate)
        {
            _held.Add(held);
            if (IsDead)
            {
                // The call was under way when it died: its connection is closed all the same.
                _ = held.DisposeAsync().AsTask();
            }
        }
    }

    public void Die()
    {
        lock (_gate)
        {
            if (!IsDead)
            {
                IsDead = true;
                _death.TrySetResult();
                foreach (var held in _held)
                {
                    // Simulated hosts do it at once.
                    _ = held.DisposeAsync().AsTask();
                }
            }
        }
    }

    private void Pass()
    {
        if (Interlocked.Increment(ref _moments) == DiesAt)
        {
            Die();
        }

        if (IsDead)
        {
            throw new ControllerDiedException();
        }
    }
}
