namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Prepares this host for a VM that is offered: it gets a paused copy, which waits for the VM's state. Cancelled, it leaves nothing behind.
/// </summary>
/// <param name="Offer">What the source gave.</param>
/// <param name="Replica">The number of this target among the candidates, 1, 2, …: the copy's metadata carries it.</param>
public sealed record PrepareMigration(MigrationOffer Offer, int Replica) : HostCall<IIncomingMigration>
{
    public override CallKind Kind => CallKind.Write;

    public override string FaultOperation => Faults.FaultOperation.Migrate;

    public override string? VMName => Offer.Name;

    public override bool BringsVM => true;
}
