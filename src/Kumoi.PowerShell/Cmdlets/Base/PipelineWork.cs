using System.Collections.Concurrent;
using System.Management.Automation;
using Kumoi.PowerShell.Substitution;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// Work that others want done on the pipeline's thread, to which script blocks belong and which alone writes. The cmdlet does it while it
/// waits for them.
/// </summary>
/// <param name="stop">Cancels what is under way: a script block was stopped, or has left the cmdlet by break or exit.</param>
internal sealed class PipelineWork(Action stop) : IDisposable
{
    private readonly BlockingCollection<Action> _waiting = [];

    /// <summary>Does it some time soon; nobody waits for it.</summary>
    public void Post(Action work) => _waiting.Add(work);

    /// <summary>From any other thread.</summary>
    public async Task<T> RunAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e) when (e is PipelineStoppedException || ScriptBlockCall.IsFlowControl(e))
            {
                stop();
                done.SetCanceled(CancellationToken.None);
                throw;
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return await done.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Does one piece of work, if there is one before the time is over.</summary>
    public void DoNext(TimeSpan patience)
    {
        if (_waiting.TryTake(out var work, patience))
        {
            work();
        }
    }

    /// <summary>Does all that waits.</summary>
    public void DoRest()
    {
        while (_waiting.TryTake(out var work))
        {
            work();
        }
    }

    public void Dispose() => _waiting.Dispose();
}
