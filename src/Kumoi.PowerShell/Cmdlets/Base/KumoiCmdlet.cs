using System.Collections.Concurrent;
using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;
using Kumoi.Speculation;
using Kumoi.Speculation.Reliability;

namespace Kumoi.PowerShell.Cmdlets.Base;

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

    /// <summary>How long what is under way may take to end when the pipeline is stopped.</summary>
    private protected static readonly TimeSpan PatienceAfterStop = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stop = new();

    internal static Fleet Fleet => KumoiSession.Fleet;

    /// <summary>Cancelled by Ctrl+C, and when the pipeline is cut short.</summary>
    protected CancellationToken StopToken => _stop.Token;

    /// <summary>Before any object was bound: only now it can be told what was typed.</summary>
    protected override void BeginProcessing() => TypedNames.Note(this);

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
        WaitForEnd(task);
        return task.GetAwaiter().GetResult();
    }

    protected void Await(Task task)
    {
        WaitForEnd(task);
        task.GetAwaiter().GetResult();
    }

    /// <summary>Waits for calls on hosts as <see cref="Await(Task)"/>, and writes what they warn of.</summary>
    private protected void AwaitWithWarnings(Func<Task> calls) => WithWarnings(
        async () =>
        {
            await calls();
            return true;
        },
        Await);

    /// <summary>Waits for calls on hosts as <see cref="Settle"/>, and writes what they warn of.</summary>
    private protected T SettleWithWarnings<T>(Func<Task<T>> calls) => WithWarnings(calls, Settle);

    private T WithWarnings<T>(Func<Task<T>> calls, Func<Task<T>, T> wait)
    {
        ConcurrentQueue<string> warnings = new();
        try
        {
            Task<T> task;
            using (CallWarnings.Listen(warnings.Enqueue))
            {
                task = calls();
            }

            return wait(task);
        }
        finally
        {
            if (!_stop.IsCancellationRequested)
            {
                foreach (var warning in warnings)
                {
                    WriteWarning(warning);
                }
            }
        }
    }

    /// <summary>Waits; when the pipeline is stopped, what is under way may still take effect or be undone.</summary>
    private protected T Settle<T>(Task<T> task)
    {
        try
        {
            return Await(task);
        }
        catch (PipelineStoppedException)
        {
            Task.WhenAny(task).Wait(PatienceAfterStop);
            throw;
        }
    }

    /// <summary>Returns when the task is done, whatever became of it, or throws when the pipeline is stopped.</summary>
    protected void WaitForEnd(Task task)
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

    // Whatever is shown may quote a host: what would move the cursor there is made visible.
    internal new void WriteWarning(string text) => base.WriteWarning(Visible.Lines(text));

    internal new void WriteVerbose(string text) => base.WriteVerbose(Visible.Lines(text));

    internal new void WriteProgress(ProgressRecord record) => base.WriteProgress(ActionProgress.Shown(record));

    internal new bool ShouldProcess(string target, string action) => base.ShouldProcess(Visible.Text(target), Visible.Text(action));

    /// <summary>Whether nothing is to be done: -WhatIf, or else the preference.</summary>
    private protected bool IsWhatIf() =>
        MyInvocation.BoundParameters.TryGetValue("WhatIf", out var given)
            ? LanguagePrimitives.IsTrue(given)
            : LanguagePrimitives.IsTrue(SessionState.PSVariable.GetValue("WhatIfPreference"));

    /// <summary>Parameters that do not fit: nothing is begun.</summary>
    private protected void Refuse(string message, string id, string action, object? target = null) => ThrowTerminatingError(
        new ErrorRecord(new ValidationMetadataException(message), id, ErrorCategory.InvalidArgument, target)
        {
            ErrorDetails = new ErrorDetails(message) { RecommendedAction = action },
        });

    /// <summary>One error for one element; the pipeline goes on.</summary>
    internal void WriteFailure(Exception error, object? target) => WriteError(Errors.ToRecord(error, target));

    /// <summary>What the journal knows of hosts. It is read once, by a cmdlet for all its elements.</summary>
    private protected HostReliability ReadReliability(ReliabilityPrior prior, DateTimeOffset? after = null)
    {
        try
        {
            return Await(HostReliability.ReadAsync(KumoiSession.Journal, prior, TimeProvider.System.GetUtcNow(), after, StopToken));
        }
        catch (JournalException e)
        {
            ThrowTerminatingError(Errors.ToRecord(e, null));
            throw;
        }
    }

    private static void DisposeQuietly(IAsyncDisposable enumerator)
    {
        try
        {
            enumerator.DisposeAsync().AsTask().Wait(PatienceAfterStop);
        }
        catch (AggregateException e) when (e.InnerException is OperationCanceledException or NotSupportedException)
        {
            // Stopped in mid-read, which is what was asked for. (An iterator that is still running cannot be disposed; it ends by its
            // token.)
        }
    }
}
