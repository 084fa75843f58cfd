namespace Kumoi.Hypervisors;

/// <summary>
/// A migration that its caller drives phase by phase, seen from its source. From its beginning to its end no other job, and no change of
/// the VM, is possible on the source. Disposing it without <see cref="Calls.ConfirmMigration"/> lets go of the source as the death of the
/// caller does: what it had handed over stays paused.
/// </summary>
/// <remarks>One caller, one call at a time. Failures are <see cref="HypervisorException"/>.</remarks>
public interface IOutgoingMigration : IAsyncDisposable
{
    MigrationOffer Offer { get; }
}
