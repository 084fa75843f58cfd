using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Calls that move VMs between hosts, and that find out what a move has left.</summary>
internal static class MigrationCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, MigrateVM call, CancellationToken token) => MigrateAsync(host, call, token))
        .Add(static (LibvirtLink host, ReadWhereabouts call, CancellationToken token) =>
            host.ReadFreshAsync(connection => WhereaboutsReader.Read(connection, call.Id), token))
        .Add(static (LibvirtLink host, ReadMigrationNeeds call, CancellationToken token) => host.ReadAsync(
            call.Id,
            (connection, domain) =>
                MigrationNeedsReader.Read(connection, domain, HostReadings.Of(host).Read(connection, call.Id), call.Options),
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
        .Add(static (LibvirtLink host, RemoveCopy call, CancellationToken token) => RemoveCopyAsync(host, call, token));

    /// <summary>
    /// libvirt-domain: virDomainMigrate3, or virDomainMigrateToURI3. A persistent VM moves with its definition, a transient one stays
    /// transient. Once the call has gone out, cancelling aborts it and waits until it is known where the VM is.
    /// </summary>
    private static async Task<VMReading> MigrateAsync(LibvirtLink host, MigrateVM call, CancellationToken cancellationToken)
    {
        if (call.Target is not LibvirtLink other)
        {
            throw new HypervisorException(
                $"Cannot migrate from {host.HostName} to {call.Target.HostName}: the target is not a libvirt host.",
                error: HypervisorError.NotSupported,
                recommendedAction: "Migrate between hosts of the same kind.");
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, host.Closing);
        return await host.KeepAsync(new Migration(host, other, call.Id, call.Options, call.Progress, host.Time).RunAsync(either.Token));
    }

    /// <summary>See <see cref="MarkedCopies"/>. As undoing a definition does, it waits for definitions that go on.</summary>
    private static async Task<bool> RemoveCopyAsync(LibvirtLink host, RemoveCopy call, CancellationToken cancellationToken)
    {
        await DefinitionsUnderWay.Of(host).SettleAsync(call.Removal.Operation, cancellationToken);
        return await host.ControlAsync(connection => MarkedCopies.Remove(connection, call.Id, call.Removal), cancellationToken);
    }

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
