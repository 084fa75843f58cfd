using System.Collections.Concurrent;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// What admins want of a pair that is being kept. Its controller does it between two checkpoints, when there is one to go back to.
/// </summary>
internal sealed class PairRequests : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentQueue<TaskCompletionSource<TimeSpan>> _drills = new();
    private readonly ConcurrentQueue<TaskCompletionSource> _switches = new();
    private volatile Exception? _refusal;

    /// <summary>Cancelled when the protection is to end: also ends waits.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Ends the protection at the next opportunity, and leaves the VM as it is.</summary>
    public void Stop() => _stopping.Cancel();

    /// <summary>When another host has taken over.</summary>
    public Task SwitchAsync(CancellationToken cancellationToken)
    {
        var wanted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _switches.Enqueue(wanted);
        RefuseIfOver();
        return WaitAsync(wanted.Task, () => wanted.TrySetCanceled(cancellationToken), cancellationToken);
    }

    /// <summary>How long the backup has needed to have the last checkpoint ready to run.</summary>
    public async Task<TimeSpan> DrillAsync(CancellationToken cancellationToken)
    {
        var wanted = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        _drills.Enqueue(wanted);
        RefuseIfOver();
        await WaitAsync(wanted.Task, () => wanted.TrySetCanceled(cancellationToken), cancellationToken);
        return await wanted.Task;
    }

    /// <summary>Does what somebody still waits for. A drill that fails concerns nobody else.</summary>
    public async Task DrillAsync(Func<Task<TimeSpan>> drill)
    {
        while (_drills.TryDequeue(out var wanted))
        {
            if (wanted.Task.IsCompleted)
            {
                continue;
            }

            try
            {
                wanted.TrySetResult(await drill());
            }
            catch (HypervisorException e)
            {
                wanted.TrySetException(e);
            }
            catch (OperationCanceledException)
            {
                wanted.TrySetException(new HypervisorException(
                    "The pair has lost a host or was ended while its backup was being tried out.", FaultDomain.Host, isTransient: true,
                    error: HypervisorError.Aborted, recommendedAction: "Get-KumoiFtPair tells how it stands; try it again when it is protected."));
                throw;
            }
        }
    }

    /// <summary>Whether somebody wants the backup to take over, and still waits for it.</summary>
    public bool WantsSwitch => _switches.Any(static wanted => !wanted.Task.IsCompleted);

    /// <summary>Whether somebody waits for what is done between two checkpoints.</summary>
    public bool IsAny => WantsSwitch || _drills.Any(static wanted => !wanted.Task.IsCompleted);

    /// <summary>Another host serves, whatever it was for.</summary>
    public void Switched()
    {
        while (_switches.TryDequeue(out var wanted))
        {
            wanted.TrySetResult();
        }
    }

    /// <summary>Nothing of what is still wanted can be done any more, nor what is wanted from now on.</summary>
    public void Refuse(Exception why)
    {
        _refusal = why;
        while (_switches.TryDequeue(out var wanted))
        {
            wanted.TrySetException(why);
        }

        while (_drills.TryDequeue(out var drill))
        {
            drill.TrySetException(why);
        }
    }

    public void Dispose() => _stopping.Dispose();

    private void RefuseIfOver()
    {
        if (_refusal is { } why)
        {
            Refuse(why);
        }
    }

    private static async Task WaitAsync(Task wanted, Action giveUp, CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.Register(giveUp);
        await wanted;
    }
}
