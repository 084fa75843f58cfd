using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Relaying;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Watches the sending of a VM through the relay.</summary>
/// <param name="offer">What is sent.</param>
/// <param name="connections">The source.</param>
/// <param name="watching">Lookers-on, while the phase blocks its connection.</param>
/// <param name="relay">What it is sent through.</param>
/// <param name="relayStop">Ends the relay.</param>
/// <param name="progress">Who wants to hear of it.</param>
/// <param name="time">The clock.</param>
internal sealed class OutgoingWatch(
    MigrationOffer offer,
    FreshConnections connections,
    ConnectionPool watching,
    MigrationRelay relay,
    CancellationTokenSource relayStop,
    IProgress<ReplicaProgress>? progress,
    TimeProvider time) : MigrationWatch(offer.Plan.Options.StallTimeout, time)
{
    private readonly SwitchStallDetector _switchStall = new(time);

    /// <summary>Why it ended, if it was not the source's daemon that ended it.</summary>
    public MigrationStop RelayStop =>
        relay.NoneLeft.IsCompleted ? MigrationStop.NoneLeft
        : relay.IsSourceDeaf ? MigrationStop.SourceDeaf
        : MigrationStop.None;

    protected override Task Alarm => relay.NoneLeft;

    protected override MigrationStop Reason =>
        RelayStop is not MigrationStop.None and var stop ? stop
        : _switchStall.IsStalled ? MigrationStop.NobodyAnswers
        : Stall.IsIdling ? MigrationStop.Idling
        : Stall.IsStalled ? MigrationStop.Stalled
        : MigrationStop.None;

    public override void Report()
    {
        if (progress is not null)
        {
            foreach (var one in relay.ReadProgress())
            {
                progress.Report(one);
            }
        }
    }

    protected override Task<MigrationProgress?> ReadJobAsync() => OnVMAsync(DomainJob.Read);

    protected override void Note(MigrationProgress? job) =>
        _switchStall.Note(job, relay.ReadProgress().Sum(static target => target.BytesTaken));

    /// <summary>A QEMU that cannot write its last bytes does not hear of an abort, but of its connection's end.</summary>
    protected override async Task<bool> WithdrawAsync()
    {
        await relayStop.CancelAsync();
        return false;
    }

    protected override Task AbortAsync() => OnVMAsync((other, vm) =>
    {
        Window.Pass(() => DomainJob.Abort(other, vm));
        return true;
    });

    protected override HypervisorException DoesNotEnd(MigrationStop stop) =>
        new PerformReport(offer, connections.HostName, relay.ReadProgress()).DoesNotEnd(stop);

    private Task<T> OnVMAsync<T>(Func<LibvirtConnection, DomainHandle, T> work) =>
        connections.Threads.RunAsync(
            () => watching.Use(other =>
            {
                using var vm = other.GetDomain(offer.Id);
                return work(other, vm);
            }),
            CancellationToken.None);
}
