using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Relaying;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Watches the sending of a VM, and ends it when it is cancelled or gets nowhere.</summary>
/// <param name="offer">What is sent.</param>
/// <param name="connections">The source.</param>
/// <param name="watching">Lookers-on, while the phase blocks its connection.</param>
/// <param name="relay">What it is sent through.</param>
/// <param name="progress">Who wants to hear of it.</param>
/// <param name="time">The clock.</param>
internal sealed class OutgoingWatch(
    MigrationOffer offer,
    FreshConnections connections,
    ConnectionPool watching,
    MigrationRelay relay,
    IProgress<ReplicaProgress>? progress,
    TimeProvider time)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a call may take to return after its job was aborted; measured: 0.1 s.</summary>
    private static readonly TimeSpan AbortPatience = TimeSpan.FromSeconds(30);

    /// <summary>Returns when the call has. Fails only if it does not end although it was aborted.</summary>
    public async Task<PerformStop> WatchAsync(Task performing, CancellationTokenSource relayStop, CancellationToken cancellationToken)
    {
        var stall = new StallDetector(offer.Plan.Options.StallTimeout, time);
        var switchStall = new SwitchStallDetector(time);
        var window = new CallWindow();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var timer = new PeriodicTimer(PollInterval, time);
        using var onCancel = cancellationToken.UnsafeRegister(
            static state => ((TaskCompletionSource)state!).TrySetResult(), cancelled);
        Task tick = timer.WaitForNextTickAsync(CancellationToken.None).AsTask();
        var polling = Task.CompletedTask;
        var aborting = Task.CompletedTask;
        var stop = PerformStop.None;
        long stoppedAt = 0;
        while (true)
        {
            await (stop == PerformStop.None
                ? Task.WhenAny(performing, tick, cancelled.Task, relay.NoneLeft)
                : Task.WhenAny(performing, tick));
            if (performing.IsCompleted)
            {
                break;
            }

            if (stop == PerformStop.None)
            {
                stop = cancellationToken.IsCancellationRequested ? PerformStop.Cancelled
                    : relay.NoneLeft.IsCompleted ? PerformStop.NoneLeft
                    : relay.IsSourceDeaf ? PerformStop.SourceDeaf
                    : switchStall.IsStalled ? PerformStop.NobodyAnswers
                    : stall.IsIdling ? PerformStop.Idling
                    : stall.IsStalled ? PerformStop.Stalled
                    : PerformStop.None;
                stoppedAt = time.GetTimestamp();
            }

            if (stop != PerformStop.None)
            {
                // A QEMU that cannot write its last bytes does not hear of an abort, but of its connection's end.
                await relayStop.CancelAsync();

                // Again and again: in its first moments a migration has no job yet that could be aborted.
                aborting = aborting.IsCompleted ? AbortAsync(window) : aborting;
                if (time.GetElapsedTime(stoppedAt) >= AbortPatience)
                {
                    throw new PerformReport(offer, connections.HostName, relay.ReadProgress()).DoesNotEnd(stop);
                }
            }
            else if (polling.IsCompleted)
            {
                polling = PollAsync(stall, switchStall);
                Report();
            }

            if (tick.IsCompleted)
            {
                tick = timer.WaitForNextTickAsync(CancellationToken.None).AsTask();
            }
        }

        await window.CloseAsync();
        return stop != PerformStop.None ? stop
            : relay.NoneLeft.IsCompleted ? PerformStop.NoneLeft
            : relay.IsSourceDeaf ? PerformStop.SourceDeaf
            : PerformStop.None;
    }

    public void Report()
    {
        if (progress is not null)
        {
            foreach (var one in relay.ReadProgress())
            {
                progress.Report(one);
            }
        }
    }

    private async Task PollAsync(StallDetector stall, SwitchStallDetector switchStall)
    {
        try
        {
            var now = await OnVMAsync(MigrationJob.Read);
            if (now is { } moved)
            {
                stall.Note(moved);
            }

            switchStall.Note(now, relay.ReadProgress().Sum(static target => target.BytesTaken));
        }
        catch (HypervisorException)
        {
            // If the source is lost, the call itself tells.
        }
    }

    private async Task AbortAsync(CallWindow window)
    {
        try
        {
            await OnVMAsync((other, vm) =>
            {
                window.Pass(() => MigrationJob.Abort(other, vm));
                return true;
            });
        }
        catch (HypervisorException)
        {
            // Tried again with the next tick, until the call ends or patience does.
        }
    }

    private Task<T> OnVMAsync<T>(Func<LibvirtConnection, DomainHandle, T> work) =>
        connections.Threads.RunAsync(
            () => watching.Use(other =>
            {
                using var vm = other.GetDomain(offer.Id);
                return work(other, vm);
            }),
            CancellationToken.None);
}
