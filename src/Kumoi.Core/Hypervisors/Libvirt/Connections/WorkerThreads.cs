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

    private readonly SemaphoreSlim _room = new(maxThreads + maxWaiting);
    private readonly object _gate = new();
    private readonly Queue<Job> _waiting = new();
    private readonly HashSet<Job> _running = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    /// <summary>Nothing of the work changes anything: a failure leaves no open outcome.</summary>
    public bool IsForReads { get; init; }

    private int _threads;
    private int _idle;
    private bool _isStopping;

    /// <summary>
    /// Runs blocking work. When it is cancelled while the work runs, the task is cancelled at once, the work goes on, and
    /// <paramref name="abandoned"/> gets its result, on the worker's thread; only if it is waiting for a program that opens its connection,
    /// that program is ended. Disposable results are disposed. <paramref name="over"/> is told once, when all that is over, also where the
    /// work never began.
    /// </summary>
    public async Task<T> RunAsync<T>(
        Func<T> work, CancellationToken cancellationToken, Action<T>? abandoned = null, Action? over = null)
    {
        try
        {
            await _room.WaitAsync(cancellationToken);
        }
        catch
        {
            over?.Invoke();
            throw;
        }

        var job = new Job<T>(work, IsForReads, abandoned, () =>
        {
            _room.Release();
            over?.Invoke();
        });
        Enqueue(job);
        using (cancellationToken.UnsafeRegister(static (state, token) => ((Job<T>)state!).Cancel(token), job))
        {
            return await job.Task;
        }
    }

    /// <summary>
    /// Refuses what waits, ends what is still opening its connection, and waits for what runs, but not for ever: a call that never returns
    /// keeps its own thread.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        Job[] refused;
        Job[] opening;
        lock (_gate)
        {
            _isStopping = true;
            opening = [.. _running];
            refused = [.. _waiting];
            _waiting.Clear();
            Monitor.PulseAll(_gate);
            if (_threads == 0)
            {
                _ended.TrySetResult();
            }
        }

        foreach (var job in refused)
        {
            job.Refuse();
        }

        foreach (var job in opening)
        {
            job.End();
        }

        await Task.WhenAny(_ended.Task, Task.Delay(Patience));
    }

    private void Enqueue(Job job)
    {
        lock (_gate)
        {
            if (!_isStopping)
            {
                _waiting.Enqueue(job);
                if (_idle >= _waiting.Count)
                {
                    Monitor.Pulse(_gate);
                }
                else if (_threads < maxThreads)
                {
                    _threads++;
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
            lock (_gate)
            {
                _running.Remove(job);
            }
        }
    }

    private Job? Next()
    {
        lock (_gate)
        {
            while (_waiting.Count == 0 && !_isStopping)
            {
                _idle++;
                var isPulsed = Monitor.Wait(_gate, IdleTime);
                _idle--;
                if (!isPulsed && _waiting.Count == 0)
                {
                    break;
                }
            }

            if (_waiting.TryDequeue(out var job))
            {
                _running.Add(job);
                return job;
            }

            _threads--;
            if (_isStopping && _threads == 0)
            {
                _ended.TrySetResult();
            }

            return null;
        }
    }

    private abstract class Job
    {
        private readonly BlockingCall _call = new();

        public void Run() => _call.Run(Work);

        public void End() => _call.End();

        protected abstract void Work();

        public abstract void Refuse();
    }

    private sealed class Job<T>(Func<T> work, bool isRead, Action<T>? abandoned, Action finished) : Job
    {
        private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Task => _completion.Task;

        public void Cancel(CancellationToken token)
        {
            if (_completion.TrySetCanceled(token))
            {
                End();
            }
        }

        public override void Refuse()
        {
            _completion.TrySetException(LibvirtErrors.Closed(outcomeUnknown: false));
            finished();
        }

        protected override void Work()
        {
            try
            {
                if (!_completion.Task.IsCompleted)
                {
                    Complete(work());
                }
            }
            catch (ObjectDisposedException closed)
            {
                // Some of the work may have been done.
                _completion.TrySetException(LibvirtErrors.Closed(outcomeUnknown: !isRead, closed));
            }
            catch (Exception failure)
            {
                // Whatever it is belongs to who waits; who was cancelled does not want it.
                _completion.TrySetException(failure);
            }
            finally
            {
                finished();
            }
        }

        private void Complete(T result)
        {
            if (_completion.TrySetResult(result))
            {
                return;
            }

            // What undoes it may need a connection of its own.
            new BlockingCall().Run(() => abandoned?.Invoke(result));
            (result as IDisposable)?.Dispose();
        }
    }
}
