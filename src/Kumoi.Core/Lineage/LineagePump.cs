namespace Kumoi.Lineage;

/// <summary>Runs work on items, so many at a time, and waits for all of it.</summary>
internal static class LineagePump
{
    /// <summary>
    /// Begins the items in their order and gives each one's failure, null where it has none, in the same order. Once a failure is
    /// <paramref name="final"/> no more items are begun: every item before the first final failure has been worked on whatever the
    /// concurrency, so that the first failure is always the same. Cancellation ends it with
    /// <see cref="OperationCanceledException"/> as the failure of the items that noticed.
    /// </summary>
    public static async Task<Exception?[]> RunAsync(
        IReadOnlyList<LineageItem> items, int limit, Func<LineageItem, ValueTask> work, Func<LineageItem, Exception, bool> final,
        CancellationToken cancellationToken)
    {
        var failures = new Exception?[items.Count];
        var next = -1;
        var stopped = false;
        var workers = new Task[Math.Min(limit, items.Count)];
        for (var w = 0; w < workers.Length; w++)
        {
            workers[w] = WorkOnAsync();
        }

        await Task.WhenAll(workers);
        return failures;

        async Task WorkOnAsync()
        {
            while (!Volatile.Read(ref stopped) && !cancellationToken.IsCancellationRequested)
            {
                var i = Interlocked.Increment(ref next);
                if (i >= items.Count)
                {
                    return;
                }

                try
                {
                    await work(items[i]);
                }
#pragma warning disable CA1031 // whatever the function throws is the failure of its element
                catch (Exception e)
#pragma warning restore CA1031
                {
                    failures[i] = e;
                    if (final(items[i], e))
                    {
                        Volatile.Write(ref stopped, true);
                    }
                }
            }
        }
    }
}
