using Kumoi.Hypervisors.Calls;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Calls that move VMs between hosts, and that find out what a move has left.</summary>
internal static class MigrationCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, MigrateVM call, CancellationToken token) => host.MigrateAsync(call, token))
        .Add(static (LibvirtLink host, ReadPlace call, CancellationToken token) =>
            host.ReadFreshAsync(connection => VMPlaces.Read(connection, call.Id), token))
        .Add(static (LibvirtLink host, ReadMigrationNeeds call, CancellationToken token) => host.ReadAsync(
            call.Id,
            (connection, domain) =>
            {
                var vm = host.VMs.Read(connection, domain) ?? throw connection.NotFound($"VM {call.Id}");
                return MigrationNeedsReader.Read(connection, domain, vm, call.Options);
            },
            token))
        .Add(static (LibvirtLink host, CheckMigrationTarget call, CancellationToken token) =>
            host.ReadAsync<IReadOnlyList<MigrationObstacle>>(connection => MigrationTargetCheck.Run(connection, call.Needs), token))
        .Add(static (LibvirtLink host, BeginMigration call, CancellationToken token) => BeginAsync(host, call, token))
        .Add(static (LibvirtLink host, PrepareMigration call, CancellationToken token) => PrepareAsync(host, call, token))
        .Add(static (LibvirtLink _, PerformMigration call, CancellationToken token) =>
            ((LibvirtOutgoingMigration)call.Migration).PerformAsync(call.Targets, call.Budget, call.Progress, token))
        .Add(static (LibvirtLink _, FinishMigration call, CancellationToken token) =>
            DoneAsync(((LibvirtIncomingMigration)call.Migration).FinishAsync(token)))
        .Add(static (LibvirtLink _, AbandonMigration call, CancellationToken token) =>
            DoneAsync(((LibvirtIncomingMigration)call.Migration).AbandonAsync(token)))
        .Add(static (LibvirtLink _, ConfirmMigration call, CancellationToken token) =>
            DoneAsync(((LibvirtOutgoingMigration)call.Migration).ConfirmAsync(call.Cancelled, token)))
        .Add(static (LibvirtLink host, MarkVM call, CancellationToken token) =>
            host.ChangeAsync(call.Id, (connection, domain) => SpeculationMarks.Set(connection, domain, call.Mark), token))
        .Add(static (LibvirtLink host, ReadMarked _, CancellationToken token) => host.ReadAsync(SpeculationMarks.ReadAll, token))
        .Add(static (LibvirtLink host, RemoveCopy call, CancellationToken token) => host.RemoveCopyAsync(call.Id, call.Removal, token));

    /// <summary>The migration has its own threads and connections: it outlives the link.</summary>
    private static async Task<IOutgoingMigration> BeginAsync(LibvirtLink host, BeginMigration call, CancellationToken cancellationToken)
    {
        host.ThrowIfPrivatePerConnection();
        return await LibvirtOutgoingMigration.BeginAsync(host, call.Id, call.Plan, cancellationToken);
    }

    private static async Task<IIncomingMigration> PrepareAsync(LibvirtLink host, PrepareMigration call, CancellationToken cancellationToken)
    {
        host.ThrowIfPrivatePerConnection();
        return await LibvirtIncomingMigration.PrepareAsync(host, call.Offer, call.Replica, cancellationToken);
    }

    private static async Task<Done> DoneAsync(Task task)
    {
        await task;
        return default;
    }
}
