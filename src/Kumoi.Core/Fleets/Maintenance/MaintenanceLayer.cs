using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets.Maintenance;

/// <summary>A call that would bring a VM to a host in maintenance does not go out.</summary>
internal sealed class MaintenanceLayer(LinkedHost host, MaintenanceMarks marks) : LinkLayer
{
    public override ValueTask<T> SendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken) =>
        call.BringsVM ? new(EnsureAndSendAsync(call, next, cancellationToken))
        : call is CheckMigrationTarget check ? new(CheckAsync<T>(check, next, cancellationToken))
        : next.SendAsync(call, cancellationToken);

    private async Task<T> EnsureAndSendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken)
    {
        var taker = call.OtherHost switch
        {
            null => host,
            HostLink other => other.Host,
            _ => null,
        };
        if (taker is not null)
        {
            await marks.EnsureTakesVMsAsync(taker.Identity, taker.Name, cancellationToken);
        }

        return await next.SendAsync(call, cancellationToken);
    }

    /// <summary>Only the journal knows of maintenance.</summary>
    private async Task<T> CheckAsync<T>(CheckMigrationTarget check, Next next, CancellationToken cancellationToken)
    {
        var found = await next.SendAsync(check, cancellationToken);
        await marks.TryRefreshAsync(cancellationToken);
        IReadOnlyList<MigrationObstacle> all = marks.IsMarked(host.Identity) ? [MigrationJudge.InMaintenance(host.Name), .. found] : found;
        return (T)all;
    }
}
