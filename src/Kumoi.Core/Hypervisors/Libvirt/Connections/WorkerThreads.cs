namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// Runs calls that block, a few at a time, on <see cref="BlockingThreads"/>, so that the thread pool is never blocked.
/// <para>
/// Work that is refused, or that finds what it needs disposed under it, has lost its connection, whoever has closed the link. It is told so
/// here, and nowhere else.
/// </para>
/// </summary>
internal sealed class WorkerThreads(int maxThreads, int maxWaiting = 256) : IAsyncDisposable
{
    /// <summary>How long disposing waits for calls that still run.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _room = new(maxThreads + maxWaiting);
    private readonly Lock _gate = new();
    private readonly Queue<Job> _waiting = new();
    private readonly HashSet<Job> _running = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    /// <summary>Nothing of the work changes anything: a failure leaves no open outcome.</summary>
    public bool IsForReads { get; init; }

    private int _threads; // that work, or will as soon as they run
    private bool _isStopping;

    /// <summary>
    /// Runs blocking work. When it is cancelled while the work runs, the task is cancelled at once, the work goes on, and
    /// <paramref name="abandoned"/> gets its result, on the worker's thread; only if it is waiting for a program that opens its connection,
    /// that program is ended. Disposable results are disposed. <paramref name="over"/> is told once, when all that is over, also where the
    /// work never began.
    /// </summary>
    public Task<T> RunAsync<T>(
        Func<T> work, CancellationToken cancellationToken, Action<T>? abandoned = null, Action? over = null)
    {
        var job = new Job<T>(work, IsForReads, abandoned, () =>
        {
            _room.Release();
            over?.Invoke();
        });

        // Nearly always there is room at once: then nothing asynchronous is left, which would be compiled for the first call of a session.
        var room = _room.WaitAsync(cancellationToken);
        return room.IsCompletedSuccessfully ? Begin(job, cancellationToken) : BeginAfterAsync(room, job, over, cancellationToken);
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

    private async Task<T> BeginAfterAsync<T>(Task room, Job<T> job, Action? over, CancellationToken cancellationToken)
    {
        try
        {
            await room;
        }
        catch
        {
            over?.Invoke();
            throw;
        }

        return await Begin(job, cancellationToken);
    }

    private Task<T> Begin<T>(Job<T> job, CancellationToken cancellationToken)
    {
        job.CancelBy(cancellationToken);
        Enqueue(job);
        return job.Task;
    }

    private void Enqueue(Job job)
    {
        bool isStopping;
        var needsThread = false;
        lock (_gate)
        {
            isStopping = _isStopping;
            if (!isStopping)
            {
                _waiting.Enqueue(job);
                needsThread = _threads < maxThreads;
                _threads += needsThread ? 1 : 0;
            }
        }

        if (isStopping)
        {
            job.Refuse();
        }
        else if (needsThread)
        {
            BlockingThreads.Run(Work);
        }
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
        private CancellationTokenRegistration _cancelling;

        public Task<T> Task => _completion.Task;

        /// <summary>Before it is given to the threads.</summary>
        public void CancelBy(CancellationToken cancellationToken) => _cancelling = cancellationToken.UnsafeRegister(
            static (state, token) => ((Job<T>)state!).Cancel(token), this);

        public override void Refuse()
        {
            _completion.TrySetException(LibvirtErrors.Closed(outcomeUnknown: false));
            Finish();
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
                Finish();
            }
        }

        private void Cancel(CancellationToken token)
        {
            if (_completion.TrySetCanceled(token))
            {
                End();
            }
        }

        private void Finish()
        {
            _cancelling.Unregister();
            finished();
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
