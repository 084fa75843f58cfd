namespace Kumoi.Hypervisors;

/// <summary>What a migration to several targets is about to do.</summary>
/// <param name="Operation">Its id: the VM's metadata carries it from before the migration begins until it has ended.</param>
/// <param name="Candidates">The targets, by their names in the session: the VM's metadata carries them too.</param>
/// <param name="Options">How it is done. Peer-to-peer is of no meaning here.</param>
public sealed record MigrationPlan(OperationId Operation, IReadOnlyList<string> Candidates, MigrationOptions Options);
