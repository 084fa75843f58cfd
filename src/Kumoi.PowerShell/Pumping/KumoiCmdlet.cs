using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Pumping;

/// <summary>
/// The base of all cmdlets: waits that Ctrl+C always reaches, and errors with a stable id, category, target and recommended action.
/// </summary>
public abstract class KumoiCmdlet : PSCmdlet, IDisposable
{
    /// <summary>
    /// Below a satisfied <c>Select-Object -First</c>, PowerShell 7.6 calls neither StopProcessing nor a stop token when Ctrl+C is pressed:
    /// only <see cref="Cmdlet.Stopping"/> tells, so every wait looks at it this often.
    /// </summary>
    private static readonly TimeSpan StoppingPoll = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _stop = new();

    internal static Fleet Fleet => KumoiSession.Fleet;

    /// <summary>Cancelled by Ctrl+C, and when the pipeline is cut short.</summary>
    protected CancellationToken StopToken => _stop.Token;

    protected override void StopProcessing() => Cancel();

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stop.Dispose();
        }
    }

    protected void Cancel()
    {
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Ctrl+C came after the pipeline had ended: there is nothing left to stop.
        }
    }

    /// <summary>Waits on the pipeline thread; Ctrl+C ends the wait.</summary>
    protected T Await<T>(Task<T> task)
    {
        Wait(task);
        return task.GetAwaiter().GetResult();
    }

    protected void Await(Task task)
    {
        Wait(task);
        task.GetAwaiter().GetResult();
    }

    /// <summary>Returns when the task is done, whatever became of it, or throws when the pipeline is stopped.</summary>
    protected void Wait(Task task)
    {
        while (!task.IsCompleted)
        {
            ThrowIfStopping();
            // WhenAny: the task's own failure is the caller's to look at.
            Task.WhenAny(task).Wait(StoppingPoll);
        }

        ThrowIfStopping();
    }

    protected void ThrowIfStopping()
    {
        if (Stopping)
        {
            Cancel();
        }

        if (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
    }

    /// <summary>Enumerates on the pipeline thread what others produce. Leaving the loop in any way stops them and waits for them.</summary>
    protected IEnumerable<T> Enumerate<T>(Func<CancellationToken, IAsyncEnumerable<T>> produce)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(StopToken);
        var enumerator = produce(leave.Token).GetAsyncEnumerator(leave.Token);
        try
        {
            while (true)
            {
                var next = enumerator.MoveNextAsync();
                if (!(next.IsCompletedSuccessfully ? next.Result : Await(next.AsTask())))
                {
                    yield break;
                }

                yield return enumerator.Current;
            }
        }
        finally
        {
            leave.Cancel();
            DisposeQuietly(enumerator);
        }
    }

    /// <summary>One error for one element; the pipeline goes on.</summary>
    internal void WriteFailure(Exception error, object? target) => WriteError(Errors.ToRecord(error, target));

    private static void DisposeQuietly(IAsyncDisposable enumerator)
    {
        try
        {
            enumerator.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(5));
        }
        catch (AggregateException e) when (e.InnerException is OperationCanceledException or NotSupportedException)
        {
            // Stopped in mid-read, which is what was asked for. (An iterator that is still running cannot be disposed; it ends by its token.)
        }
    }
}
