namespace Kumoi.Hypervisors;

/// <summary>What a migration to several targets is about to do.</summary>
/// <param name="Mark">What the VM's metadata carries from before the migration begins until it has ended.</param>
/// <param name="Options">How it is done. Peer-to-peer is of no meaning here.</param>
public sealed record MigrationPlan(SpeculationMark Mark, MigrationOptions Options)
{
    public OperationId Operation => Mark.Operation;

    /// <summary>The targets, by their names in the session.</summary>
    public IReadOnlyList<string> Candidates => Mark.Candidates;
}
