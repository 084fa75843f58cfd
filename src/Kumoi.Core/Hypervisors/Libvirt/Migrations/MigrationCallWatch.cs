using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Watches a migration that libvirt drives: one call, which can be taken back until it goes out.</summary>
internal sealed class MigrationCallWatch(
    LibvirtLink source, Guid id, MigrationCall call, MigrationOptions options, MigrationReport report,
    IProgress<MigrationProgress>? progress, TimeProvider time)
    : MigrationWatch(options.StallTimeout, time)
{
    /// <summary>So many looks tell one that is slow from one that moves nothing.</summary>
    private const int LooksOfAStall = 30;

    private static readonly TimeSpan LeastBetweenLooks = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// No oftener than is needed: a look costs the source's daemon and its QEMU what the migration itself could use. At 10 s of patience, three
    /// in a second.
    /// </summary>
    protected override TimeSpan BetweenLooks
    {
        get
        {
            var needed = options.StallTimeout / LooksOfAStall;
            return needed > LeastBetweenLooks ? needed : LeastBetweenLooks;
        }
    }

    protected override MigrationStop Reason =>
        call.IsTargetLost ? MigrationStop.TargetLost
        : !options.PeerToPeer && Stall.IsStalled ? MigrationStop.Stalled
        : Stall.IsIdling ? MigrationStop.Idling
        : MigrationStop.None;

    protected override Task<MigrationProgress?> ReadJobAsync() =>
        source.ReadAsync(connection => DomainJob.Find(connection, id), CancellationToken.None);

    protected override void Note(MigrationProgress? job)
    {
        if (job is not null)
        {
            Window.Pass(() => progress?.Report(job));
        }
    }

    protected override Task<bool> WithdrawAsync() => Task.FromResult(call.TryWithdraw());

    protected override Task AbortAsync() =>
        source.ChangeAsync(id, (connection, domain) => Window.Pass(() => DomainJob.Abort(connection, domain)), CancellationToken.None);

    protected override HypervisorException DoesNotEnd(MigrationStop stop) => report.DoesNotEnd(stop);
}
