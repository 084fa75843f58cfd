namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// Watches the call that moves a VM while it runs: asks for its progress, and ends it, by aborting its job, when it is cancelled or gets
/// nowhere.
/// </summary>
internal abstract class MigrationWatch(TimeSpan stallTimeout, TimeProvider time)
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a call may take to return after its job was aborted; measured: 0.1 s.</summary>
    private static readonly TimeSpan AbortPatience = TimeSpan.FromSeconds(30);

    protected StallDetector Stall { get; } = new(stallTimeout, time);

    protected CallWindow Window { get; } = new();

    /// <summary>How long it waits from look to look. Aborts follow each other faster.</summary>
    protected virtual TimeSpan BetweenLooks => Tick;

    /// <summary>Wakes the watch before its time.</summary>
    protected virtual Task Alarm { get; } = new TaskCompletionSource().Task;

    /// <summary>Why it is ended from here, if the caller has not cancelled it.</summary>
    protected abstract MigrationStop Reason { get; }

    /// <summary>Why the call was ended from here.</summary>
    public MigrationStop Stop { get; private set; } = MigrationStop.None;

    /// <summary>Returns when the call has, or was withdrawn. Fails only if it does not end although it was aborted.</summary>
    public async Task WatchAsync(Task call, CancellationToken cancellationToken)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var timer = new PeriodicTimer(BetweenLooks, time);
        using var onCancel = cancellationToken.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), cancelled);
        Task tick = timer.WaitForNextTickAsync(CancellationToken.None).AsTask();
        var polling = Task.CompletedTask;
        var aborting = Task.CompletedTask;
        long stoppedAt = 0;
        while (true)
        {
            await (Stop == MigrationStop.None ? Task.WhenAny(call, tick, cancelled.Task, Alarm) : Task.WhenAny(call, tick));
            if (call.IsCompleted)
            {
                break;
            }

            if (Stop == MigrationStop.None)
            {
                Stop = cancellationToken.IsCancellationRequested ? MigrationStop.Cancelled : Reason;
                stoppedAt = time.GetTimestamp();
                if (Stop != MigrationStop.None)
                {
                    timer.Period = Tick;
                }
            }

            if (Stop != MigrationStop.None)
            {
                if (await WithdrawAsync())
                {
                    break;
                }

                // Again and again: in its first moments a migration has no job yet that could be aborted.
                aborting = aborting.IsCompleted ? TryAsync(AbortAsync) : aborting;
                if (time.GetElapsedTime(stoppedAt) >= AbortPatience)
                {
                    throw DoesNotEnd(Stop);
                }
            }
            else if (polling.IsCompleted)
            {
                polling = TryAsync(PollAsync);
                Report();
            }

            if (tick.IsCompleted)
            {
                tick = timer.WaitForNextTickAsync(CancellationToken.None).AsTask();
            }
        }

        await Window.CloseAsync();
    }

    /// <summary>Tells how far it is, where that is known without asking the source.</summary>
    public virtual void Report()
    {
    }

    protected abstract Task<MigrationProgress?> ReadJobAsync();

    /// <summary>Is told what the job was just now; null: there is none (any more).</summary>
    protected abstract void Note(MigrationProgress? job);

    /// <summary>Does what ends the call besides an abort. True: it never goes out.</summary>
    protected abstract Task<bool> WithdrawAsync();

    /// <summary>Aborts the job, if the window is still open.</summary>
    protected abstract Task AbortAsync();

    protected abstract HypervisorException DoesNotEnd(MigrationStop stop);

    private async Task PollAsync()
    {
        var job = await ReadJobAsync();
        if (job is not null)
        {
            Stall.Note(job);
        }

        Note(job);
    }

    private static async Task TryAsync(Func<Task> ask)
    {
        try
        {
            await ask();
        }
        catch (Exception e) when (e is HypervisorException or ObjectDisposedException)
        {
            // It is tried again with the next tick; if the source is lost, the call itself tells.
        }
    }
}
