using System.Runtime.CompilerServices;

namespace Kumoi.Fleets;

/// <summary>Work on many elements at once, with outcomes in the elements' order.</summary>
public static class FanOut
{
    /// <summary>
    /// Works on at most <paramref name="limit"/> elements at a time. Outcomes come in the order of the elements, each as soon as those
    /// before it are settled, whoever finished first. A failure of one element is its outcome; cancellation ends the enumeration.
    /// Leaving the enumeration early cancels what is under way and waits for it.
    /// </summary>
    public static async IAsyncEnumerable<Outcome<TElement, TResult>> RunAsync<TElement, TResult>(
        IReadOnlyList<TElement> elements,
        int limit,
        Func<TElement, CancellationToken, Task<TResult>> work,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var settled = new TaskCompletionSource<Outcome<TElement, TResult>>[elements.Count];
        for (var i = 0; i < settled.Length; i++)
        {
            settled[i] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        var next = -1;
        var workers = new Task[Math.Min(limit, elements.Count)];
        for (var w = 0; w < workers.Length; w++)
        {
            workers[w] = Task.Run(Worker, CancellationToken.None);
        }

        try
        {
            foreach (var outcome in settled)
            {
                yield return await outcome.Task.WaitAsync(cancellationToken);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(workers);
        }

        async Task Worker()
        {
            for (var i = Interlocked.Increment(ref next);
                 i < elements.Count && !stop.IsCancellationRequested; i = Interlocked.Increment(ref next))
            {
                var element = elements[i];
                try
                {
                    settled[i].SetResult(Outcome<TElement, TResult>.Success(element, await work(element, stop.Token)));
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    settled[i].TrySetCanceled(stop.Token);
                }
#pragma warning disable CA1031 // whatever a worker throws is the outcome of its element
                catch (Exception e)
#pragma warning restore CA1031
                {
                    settled[i].SetResult(Outcome<TElement, TResult>.Failure(element, e));
                }
            }
        }
    }
}
