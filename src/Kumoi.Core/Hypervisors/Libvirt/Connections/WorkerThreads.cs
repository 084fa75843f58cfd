namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// A few threads for calls that block, so that the thread pool is never blocked. Threads start when there is work and end when
/// there was none for a while.
/// <para>
/// Work that is refused, or that finds what it needs disposed under it, has lost its connection, whoever has closed the link. It is told so
/// here, and nowhere else.
/// </para>
/// </summary>
internal sealed class WorkerThreads(string name, int maxThreads, int maxWaiting = 256) : IAsyncDisposable
{
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    /// <summary>How long disposing waits for calls that still run.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim room = new(maxThreads + maxWaiting);
    private readonly object gate = new();
    private readonly Queue<Job> waiting = new();
    private readonly HashSet<Job> running = [];
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    /// <summary>Nothing of the work changes anything: a failure leaves no open outcome.</summary>
    public bool IsForReads { get; init; }

    private int threads;
    private int idle;
    private bool isStopping;

    /// <summary>
    /// Runs blocking work. When it is cancelled while the work runs, the task is cancelled at once, the work goes on, and
    /// <paramref name="abandoned"/> gets its result, on the worker's thread; only if it is waiting for a program that opens its connection, that
    /// program is ended. Disposable results are disposed. <paramref name="over"/> is
    /// told once, when all that is over, also where the work never began.
    /// </summary>
    public async Task<T> RunAsync<T>(
        Func<T> work, CancellationToken cancellationToken, Action<T>? abandoned = null, Action? over = null)
    {
        try
        {
            await room.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            over?.Invoke();
            throw;
        }

        Job<T> job = new(work, IsForReads, abandoned, () =>
        {
            room.Release();
            over?.Invoke();
        });
        Enqueue(job);
        using (cancellationToken.UnsafeRegister(static (state, token) => ((Job<T>)state!).Cancel(token), job))
        {
            return await job.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Refuses what waits, ends what is still opening its connection, and waits for what runs, but not for ever: a call that never returns keeps its own thread.</summary>
    public async ValueTask DisposeAsync()
    {
        Job[] refused;
        Job[] opening;
        lock (gate)
        {
            isStopping = true;
            opening = [.. running];
            refused = [.. waiting];
            waiting.Clear();
            Monitor.PulseAll(gate);
            if (threads == 0)
            {
                ended.TrySetResult();
            }
        }

        foreach (Job job in refused)
        {
            job.Refuse();
        }

        foreach (Job job in opening)
        {
            job.End();
        }

        await Task.WhenAny(ended.Task, Task.Delay(Patience)).ConfigureAwait(false);
    }

    private void Enqueue(Job job)
    {
        lock (gate)
        {
            if (!isStopping)
            {
                waiting.Enqueue(job);
                if (idle >= waiting.Count)
                {
                    Monitor.Pulse(gate);
                }
                else if (threads < maxThreads)
                {
                    threads++;
                    new Thread(Work) { IsBackground = true, Name = name }.Start();
                }

                return;
            }
        }

        job.Refuse();
    }

    private void Work()
    {
        while (Next() is { } job)
        {
            job.Run();
            lock (gate)
            {
                running.Remove(job);
            }
        }
    }

    private Job? Next()
    {
        lock (gate)
        {
            while (waiting.Count == 0 && !isStopping)
            {
                idle++;
                bool isPulsed = Monitor.Wait(gate, IdleTime);
                idle--;
                if (!isPulsed && waiting.Count == 0)
                {
                    break;
                }
            }

            if (waiting.TryDequeue(out Job? job))
            {
                running.Add(job);
                return job;
            }

            threads--;
            if (isStopping && threads == 0)
            {
                ended.TrySetResult();
            }

            return null;
        }
    }

    private abstract class Job
    {
        private readonly BlockingCall call = new();

        public void Run() => call.Run(Work);

        public void End() => call.End();

        protected abstract void Work();

        public abstract void Refuse();
    }

    private sealed class Job<T>(Func<T> work, bool isRead, Action<T>? abandoned, Action finished) : Job
    {
        private readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Task => completion.Task;

        public void Cancel(CancellationToken token)
        {
            if (completion.TrySetCanceled(token))
            {
                End();
            }
        }

        public override void Refuse()
        {
            completion.TrySetException(LibvirtErrors.Closed(outcomeUnknown: false));
            finished();
        }

        protected override void Work()
        {
            try
            {
                if (!completion.Task.IsCompleted)
                {
                    Complete(work());
                }
            }
            catch (ObjectDisposedException closed)
            {
                // Some of the work may have been done.
                completion.TrySetException(LibvirtErrors.Closed(outcomeUnknown: !isRead, closed));
            }
            catch (Exception failure)
            {
                // Whatever it is belongs to who waits; who was cancelled does not want it.
                completion.TrySetException(failure);
            }
            finally
            {
                finished();
            }
        }

        private void Complete(T result)
        {
            if (completion.TrySetResult(result))
            {
                return;
            }

            // What undoes it may need a connection of its own.
            new BlockingCall().Run(() => abandoned?.Invoke(result));
            (result as IDisposable)?.Dispose();
        }
    }
}
