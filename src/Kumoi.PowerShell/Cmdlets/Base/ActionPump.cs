using System.Collections.Concurrent;
using System.Threading.Channels;
using Kumoi.Fleets.Journaling;
using Kumoi.Hypervisors;
using Kumoi.Lineage;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Jobs;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// Works on requests concurrently, so many at a time. What a worker has to write it hands over: only the pipeline thread writes.
/// </summary>
internal sealed class ActionPump(int throttleLimit, CancellationToken stopToken) : IDisposable
{
    private readonly Channel<Action<IActionOutput>> _messages = Channel.CreateBounded<Action<IActionOutput>>(256);
    private readonly SemaphoreSlim _throttle = new(throttleLimit);
    private Task _message = Task.CompletedTask;

    public bool HasMessages => _messages.Reader.Count > 0;

    public Task<ActionResult> Begin(ActionRequest request, OpenOutcomes outcomes) => request switch
    {
        ActionRequest.OnWorker one =>
            Task.Run(() => RunThrottledAsync(one, one.Work, one.SettlesItsCalls, outcomes), CancellationToken.None),
        ActionRequest.ForSeveralHosts one =>
            Task.Run(() => RunThrottledAsync(one, one.Work, settlesItsCalls: true, outcomes), CancellationToken.None),
        ActionRequest.OnPipelineThread one => Run(one, outcomes),
        _ => throw new NotSupportedException($"Nothing is done with {request.Target} alone."),
    };

    /// <summary>Writes what workers have handed over.</summary>
    public void WriteMessages(IActionOutput output)
    {
        while (_messages.Reader.TryRead(out var message))
        {
            message(output);
        }
    }

    /// <summary>When there is something to write.</summary>
    public Task NextMessage()
    {
        // One waiter at a time: each new one would stay in the channel until a message comes.
        if (_message.IsCompleted)
        {
            _message = _messages.Reader.WaitToReadAsync(stopToken).AsTask();
        }

        return _message;
    }

    public void Dispose() => _throttle.Dispose();

    private static Task<ActionResult> Run(ActionRequest.OnPipelineThread request, OpenOutcomes outcomes)
    {
        using (outcomes.Enter())
        {
            try
            {
                return Task.FromResult(request.Work());
            }
            catch (ActionFailedException e)
            {
                return Task.FromException<ActionResult>(e);
            }
        }
    }

    private async Task<ActionResult> RunThrottledAsync(
        ActionRequest request, Func<ActionProgress, CancellationToken, Task<ActionResult>> work, bool settlesItsCalls,
        OpenOutcomes outcomes)
    {
        await _throttle.WaitAsync(stopToken);
        using var watch = (settlesItsCalls ? new OpenOutcomes(null) : outcomes).Enter();
        try
        {
            return await ListenAsync(work, new ActionProgress(_messages));
        }
        catch (Exception e) when (FaultRules.OperationMayHaveTakenEffect(e) && !outcomes.IsOpen)
        {
            // Not from one call: the action as a whole says so, or failed in a way that nobody has thought of.
            outcomes.Add($"{request.Verb} of {request.Target}", e.Message);
            throw;
        }
        finally
        {
            _throttle.Release();
        }
    }

    /// <summary>What the calls warn of is written whatever became of them.</summary>
    private async Task<ActionResult> ListenAsync(Func<ActionProgress, CancellationToken, Task<ActionResult>> work, ActionProgress progress)
    {
        ConcurrentQueue<string> warnings = new();
        try
        {
            using var listening = CallWarnings.Listen(warnings.Enqueue);
            return await work(progress, stopToken);
        }
        finally
        {
            foreach (var warning in warnings.TakeWhile(_ => !stopToken.IsCancellationRequested))
            {
                await progress.WarnAsync(warning, CancellationToken.None).WaitAsync(stopToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
