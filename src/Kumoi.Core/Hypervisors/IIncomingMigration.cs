namespace Kumoi.Hypervisors;

/// <summary>
/// One target of a migration that its caller drives. The target holds a paused copy, which its hypervisor destroys when the caller dies, or
/// disposes this, before <see cref="FinishAsync"/>.
/// </summary>
public interface IIncomingMigration : IAsyncDisposable
{
    /// <summary>The target's name in the session.</summary>
    string HostName { get; }

    /// <summary>
    /// The starting step: the VM runs here from now on (or stays paused, if somebody had paused it). The caller must know that it runs
    /// nowhere else.
    /// </summary>
    /// <exception cref="HypervisorException">
    /// It did not start; or, with an unknown outcome, nobody knows: <see cref="IHypervisorLink.ReadPlaceAsync"/> must tell.
    /// </exception>
    Task FinishAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Leaves nothing behind, also after a <see cref="FinishAsync"/> that failed. When this returns, the host was seen to have no such VM.
    /// </summary>
    /// <exception cref="HypervisorException">Nobody knows whether something is left: the host does not answer.</exception>
    Task AbandonAsync(CancellationToken cancellationToken);
}
