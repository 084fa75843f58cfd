using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Kumoi.Fleets;

/// <summary>Work on many elements at once, with outcomes in the elements' order.</summary>
public static class FanOut
{
    /// <summary>
    /// Works on at most <paramref name="limit"/> elements at a time. Outcomes come in the order of the elements, each as soon as those
    /// before it are settled, whoever finished first. A failure of one element is its outcome; cancellation ends the enumeration.
    /// Leaving the enumeration early cancels what is under way and waits for it.
    /// </summary>
    public static IAsyncEnumerable<Outcome<TElement, TResult>> RunAsync<TElement, TResult>(
        IReadOnlyList<TElement> elements,
        int limit,
        Func<TElement, CancellationToken, Task<TResult>> work,
        CancellationToken cancellationToken) =>
        RunAsync(elements, limit, work, passing: null, cancellationToken);

    /// <summary>
    /// The same, but an element that is silent for too long is passed by those behind it, as <paramref name="passing"/> says (null: never):
    /// its outcome comes when it comes. Those that are not passed keep their order.
    /// </summary>
    internal static async IAsyncEnumerable<Outcome<TElement, TResult>> RunAsync<TElement, TResult>(
        IReadOnlyList<TElement> elements,
        int limit,
        Func<TElement, CancellationToken, Task<TResult>> work,
        Passing<TElement>? passing,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var outcomes = new Outcome<TElement, TResult>[elements.Count];
        var isSettled = new bool[elements.Count];
        var begun = new long[elements.Count]; // by the clock of waits
        Array.Fill(begun, Passing<TElement>.NotBegun);
        var arrived = Channel.CreateBounded<int>(Math.Max(1, elements.Count)); // each element comes once
        var next = -1;
        var workers = new Task[Math.Min(limit, elements.Count)];
        for (var w = 0; w < workers.Length; w++)
        {
            workers[w] = Task.Run(Worker, CancellationToken.None);
        }

        try
        {
            var isPassed = new bool[elements.Count];
            var head = 0;
            var last = passing?.Time.GetTimestamp() ?? 0;
            Task<bool>? more = null;
            for (var written = 0; written < elements.Count;)
            {
                while (arrived.Reader.TryRead(out var index))
                {
                    last = passing?.Time.GetTimestamp() ?? 0;
                    if (isPassed[index])
                    {
                        written++;
                        yield return outcomes[index];
                    }
                }

                for (; head < elements.Count && (isPassed[head] || Volatile.Read(ref isSettled[head])); head++)
                {
                    if (!isPassed[head])
                    {
                        written++;
                        yield return outcomes[head];
                    }
                }

                if (head < elements.Count && passing?.IsDue(elements[head], Volatile.Read(ref begun[head]), last) is true
                    && !Volatile.Read(ref isSettled[head]))
                {
                    isPassed[head++] = true;
                    continue;
                }

                if (written < elements.Count)
                {
                    // One waiter at a time: each new one would stay in the channel until something comes.
                    more ??= arrived.Reader.WaitToReadAsync(cancellationToken).AsTask();
                    Task wait = head >= elements.Count || passing is null
                        ? more
                        : Task.WhenAny(more, Task.Delay(
                            passing.LookAgain(elements[head], Volatile.Read(ref begun[head]), last), passing.Time, cancellationToken));
                    await wait;
                    cancellationToken.ThrowIfCancellationRequested();
                    more = more.IsCompleted ? null : more;
                }
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
                Volatile.Write(ref begun[i], passing?.Time.GetTimestamp() ?? 0);
                try
                {
                    Settle(i, Outcome<TElement, TResult>.Success(element, await work(element, stop.Token)));
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    return; // nobody waits for it
                }
#pragma warning disable CA1031 // whatever a worker throws is the outcome of its element
                catch (Exception e)
#pragma warning restore CA1031
                {
                    Settle(i, Outcome<TElement, TResult>.Failure(element, e));
                }
            }
        }

        void Settle(int index, Outcome<TElement, TResult> outcome)
        {
            outcomes[index] = outcome;
            Volatile.Write(ref isSettled[index], true);
            arrived.Writer.TryWrite(index);
        }
    }
}
