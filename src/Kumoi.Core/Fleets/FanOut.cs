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
    /// The same, but an element that is silent for too long is passed by those behind it that are settled, as <paramref name="passing"/>
    /// says (null: never): its outcome comes when it comes. Those that are not passed keep their order.
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
        var slots = new Slot<TElement, TResult>[elements.Count];
        for (var i = 0; i < slots.Length; i++)
        {
            slots[i] = new Slot<TElement, TResult>(elements[i]);
        }

        var arrived = Channel.CreateBounded<Slot<TElement, TResult>>(Math.Max(1, slots.Length)); // each comes once
        var next = -1;
        var workers = new Task[Math.Min(limit, slots.Length)];
        for (var w = 0; w < workers.Length; w++)
        {
            workers[w] = Task.Run(Worker, CancellationToken.None);
        }

        try
        {
            var head = 0;
            var seen = 0; // outcomes that have arrived; those that are not written yet wait behind the head
            var last = passing?.Time.GetTimestamp() ?? 0;
            Task<bool>? more = null;
            for (var written = 0; written < slots.Length;)
            {
                while (arrived.Reader.TryRead(out var slot))
                {
                    last = passing?.Time.GetTimestamp() ?? 0;
                    seen++;
                    if (slot.IsPassed)
                    {
                        written++;
                        yield return slot.Outcome;
                    }
                }

                for (; head < slots.Length && (slots[head].IsPassed || slots[head].IsSettled); head++)
                {
                    if (!slots[head].IsPassed)
                    {
                        written++;
                        yield return slots[head].Outcome;
                    }
                }

                var waitedFor = head < slots.Length ? slots[head] : null;
                if (waitedFor is not null && seen > written && passing?.IsDue(waitedFor.Element, waitedFor.Begun, last) is true
                    && !waitedFor.IsSettled)
                {
                    waitedFor.IsPassed = true;
                    head++;
                    continue;
                }

                if (written < slots.Length)
                {
                    // One waiter at a time: each new one would stay in the channel until something comes.
                    more ??= arrived.Reader.WaitToReadAsync(cancellationToken).AsTask();
                    Task wait = waitedFor is null || passing is null || seen <= written
                        ? more
                        : Task.WhenAny(more, Task.Delay(
                            passing.LookAgain(waitedFor.Element, waitedFor.Begun, last), passing.Time, cancellationToken));
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
                 i < slots.Length && !stop.IsCancellationRequested; i = Interlocked.Increment(ref next))
            {
                var slot = slots[i];
                slot.Begin(passing?.Time.GetTimestamp() ?? 0);
                try
                {
                    Settle(slot, Outcome<TElement, TResult>.Success(slot.Element, await work(slot.Element, stop.Token)));
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    return; // nobody waits for it
                }
#pragma warning disable CA1031 // whatever a worker throws is the outcome of its element
                catch (Exception e)
#pragma warning restore CA1031
                {
                    Settle(slot, Outcome<TElement, TResult>.Failure(slot.Element, e));
                }
            }
        }

        void Settle(Slot<TElement, TResult> slot, Outcome<TElement, TResult> outcome)
        {
            slot.Settle(outcome);
            arrived.Writer.TryWrite(slot);
        }
    }

    /// <summary>One element, and what becomes of it. A worker begins and settles it; whoever enumerates passes it.</summary>
    private sealed class Slot<TElement, TResult>(TElement element)
    {
        private long _begun = Passing<TElement>.NotBegun;
        private Outcome<TElement, TResult>? _outcome;

        public TElement Element => element;

        /// <summary>By the clock of waits.</summary>
        public long Begun => Volatile.Read(ref _begun);

        public bool IsSettled => Volatile.Read(ref _outcome) is not null;

        public bool IsPassed { get; set; }

        /// <summary>Once it is settled.</summary>
        public Outcome<TElement, TResult> Outcome => Volatile.Read(ref _outcome)!;

        public void Begin(long now) => Volatile.Write(ref _begun, now);

        public void Settle(Outcome<TElement, TResult> outcome) => Volatile.Write(ref _outcome, outcome);
    }
}
