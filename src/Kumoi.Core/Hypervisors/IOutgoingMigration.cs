namespace Kumoi.Hypervisors;

/// <summary>
/// A migration that its caller drives phase by phase, seen from its source. From its beginning to its end no other job, and no change of
/// the VM, is possible on the source. Disposing it without <see cref="ConfirmAsync"/> lets go of the source as the death of the caller does:
/// what it had handed over stays paused.
/// </summary>
/// <remarks>One caller, one call at a time. Failures are <see cref="HypervisorException"/>.</remarks>
public interface IOutgoingMigration : IAsyncDisposable
{
    MigrationOffer Offer { get; }

    /// <summary>
    /// Sends the VM once, to all these targets. Returns when the source has paused the VM for good and at least one target has its whole
    /// state: those that have it, in the order in which they said so. The others were given up, by the budget or since they failed.
    /// </summary>
    /// <exception cref="HypervisorException">
    /// The VM was not handed over, and runs on at the source (or is paused there, if somebody had paused it), unless the outcome is unknown.
    /// Targets may have the whole state all the same: each must be abandoned, and be seen absent, before the source is confirmed.
    /// </exception>
    /// <exception cref="OperationCanceledException">As above: the job was aborted.</exception>
    Task<IReadOnlyList<IIncomingMigration>> PerformAsync(
        IReadOnlyList<IIncomingMigration> targets, ReplicaBudget budget, IProgress<ReplicaProgress>? progress, CancellationToken cancellationToken);

    /// <summary>
    /// Ends it at the source: gives the VM up (it runs on the winner), or, with <paramref name="cancelled"/>, takes it back: it goes on
    /// here, if it had been handed over. Only when no target has it any more. The mark goes, but for a strict one: it stays on the winner.
    /// </summary>
    Task ConfirmAsync(bool cancelled, CancellationToken cancellationToken);
}
