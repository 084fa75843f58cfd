namespace Kumoi.Hypervisors;

/// <summary>
/// One open connection to one host's hypervisor. Safe for concurrent use; every call can be cancelled. Failures are
/// <see cref="HypervisorException"/>, cancellation is <see cref="OperationCanceledException"/>.
/// VMs are named by their id: names can be given to another VM between two calls.
/// </summary>
public interface IHypervisorLink : IAsyncDisposable
{
    /// <summary>Under which the link was opened, without secrets.</summary>
    string Uri { get; }

    /// <summary>The host's own name, read when the link was opened.</summary>
    string HostName { get; }

    /// <summary>Reads the whole host, with all its VMs if asked: one bulk call, because reads dominate.</summary>
    Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken);

    /// <summary>All VMs of the host in one bulk call.</summary>
    Task<IReadOnlyList<VMReading>> ReadVMsAsync(CancellationToken cancellationToken);

    /// <summary>One VM, or null if the host does not have it.</summary>
    Task<VMReading?> FindVMAsync(Guid id, CancellationToken cancellationToken);

    /// <summary>One VM by name, or null if the host does not have it.</summary>
    Task<VMReading?> FindVMAsync(string name, CancellationToken cancellationToken);

    /// <summary>The VM's live definition (domain XML), without secrets.</summary>
    Task<string> ReadXmlAsync(Guid id, CancellationToken cancellationToken);

    /// <summary>
    /// The VM's definition as it holds from its next start on (domain XML), with secrets: to define another VM from, and never to be shown
    /// or written down.
    /// </summary>
    Task<string> ReadDefinitionAsync(Guid id, CancellationToken cancellationToken);

    /// <summary>
    /// Defines a persistent VM, which carries <paramref name="operation"/> in its metadata. A VM of that name fails with
    /// <see cref="HypervisorError.VMExists"/>. What was made before a definite failure (volumes) is removed again.
    /// </summary>
    Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken);

    /// <summary>
    /// The inverse of <see cref="DefineAsync"/> and of a start after it: stops and removes the VM that carries
    /// <paramref name="operation"/>, with the volumes that were made for it; those that others use by now stay, and are told by
    /// <see cref="CallWarnings"/>. Returns false if the host has no such VM.
    /// </summary>
    Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken);

    Task StartAsync(Guid id, bool paused, OperationId operation, CancellationToken cancellationToken);

    /// <summary>Asks the guest to shut down, and returns at once.</summary>
    Task ShutdownAsync(Guid id, OperationId operation, CancellationToken cancellationToken);

    /// <summary>Stops the VM as by pulling the plug.</summary>
    Task DestroyAsync(Guid id, OperationId operation, CancellationToken cancellationToken);

    /// <summary>Asks the guest to reboot, and returns at once.</summary>
    Task RebootAsync(Guid id, OperationId operation, CancellationToken cancellationToken);

    /// <summary>Resets the VM as by its reset button.</summary>
    Task ResetAsync(Guid id, OperationId operation, CancellationToken cancellationToken);

    Task SuspendAsync(Guid id, OperationId operation, CancellationToken cancellationToken);

    /// <summary>Lets a paused VM run on, and wakes one that its own guest has suspended (<see cref="PowerState.PMSuspended"/>).</summary>
    Task ResumeAsync(Guid id, OperationId operation, CancellationToken cancellationToken);

    /// <summary>Throws away the memory that was saved of a VM that is off: its next start is a fresh one. Fine where there is none.</summary>
    Task DiscardSavedStateAsync(Guid id, OperationId operation, CancellationToken cancellationToken);

    /// <summary>
    /// Removes the definition of a stopped VM, if it has no saved state (<see cref="HypervisorError.InvalidState"/>); with <paramref name="removeVolumes"/> also the volumes of its writable disks, but for those
    /// that others use, or may use. Each disk that stays is told by <see cref="CallWarnings"/>.
    /// </summary>
    Task UndefineAsync(Guid id, bool removeVolumes, OperationId operation, CancellationToken cancellationToken);

    /// <summary>
    /// Moves a running VM to <paramref name="target"/>, a link of the same driver. Cancellation aborts the hypervisor's job and
    /// leaves the VM where it was. Returns the VM as read on the target.
    /// </summary>
    Task<VMReading> MigrateAsync(
        Guid id,
        IHypervisorLink target,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        OperationId operation,
        CancellationToken cancellationToken);

    /// <summary>What this host has of a VM, read on a connection that no earlier call has used.</summary>
    Task<VMPlace> ReadPlaceAsync(Guid id, CancellationToken cancellationToken);

    /// <summary>
    /// What a VM that is to be migrated from here needs of its target, and what of it stands in the way of any migration. Changes nothing.
    /// </summary>
    Task<MigrationNeeds> ReadMigrationNeedsAsync(Guid id, MigrationOptions options, CancellationToken cancellationToken);

    /// <summary>What stands in the way of a migration to this host. Changes nothing.</summary>
    /// <param name="needs">What the source, a link of the same driver, has told.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    Task<IReadOnlyList<MigrationObstacle>> CheckMigrationTargetAsync(MigrationNeeds needs, CancellationToken cancellationToken);

    /// <summary>
    /// Begins a migration that the caller drives phase by phase, to one or to several targets. A VM that is in a migration, or in another
    /// job, fails with <see cref="HypervisorError.InvalidState"/>.
    /// </summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.NotSupported"/>: the hypervisor's phases cannot be driven.</exception>
    Task<IOutgoingMigration> BeginMigrationAsync(Guid id, MigrationPlan plan, CancellationToken cancellationToken);

    /// <summary>Prepares this host for a VM that is offered: it gets a paused copy, which waits for the VM's state.</summary>
    /// <param name="offer">What the source gave.</param>
    /// <param name="replica">The number of this target among the candidates, 1, 2, …: the copy's metadata carries it.</param>
    /// <param name="cancellationToken">Leaves nothing behind.</param>
    Task<IIncomingMigration> PrepareMigrationAsync(MigrationOffer offer, int replica, CancellationToken cancellationToken);

    /// <summary>
    /// What of a VM that is off is kept on this host apart from its definition and its disks, such as a saved state: started on another host
    /// it would be lost. Null: nothing.
    /// </summary>
    Task<string?> FindHostStateAsync(Guid id, CancellationToken cancellationToken);

    /// <summary>Sets the VM's mark, both of its run and of its definition; null takes it off.</summary>
    Task MarkAsync(Guid id, SpeculationMark? mark, CancellationToken cancellationToken);

    /// <summary>All VMs of the host that carry a mark. One call for each VM.</summary>
    Task<IReadOnlyList<MarkedVM>> ReadMarkedAsync(CancellationToken cancellationToken);

    /// <summary>The host's active storage pools. None where the hypervisor has no such thing.</summary>
    Task<IReadOnlyList<StoragePoolReading>> ReadPoolsAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Removes the copy of the VM that an operation on several hosts has left on this host. Looking at it and removing it are one step, as far
    /// as the hypervisor has such a step. False: the host has none, or what it has is not that copy; then nothing was done.
    /// </summary>
    Task<bool> RemoveCopyAsync(Guid id, CopyRemoval removal, CancellationToken cancellationToken);

    /// <summary>Tells the host from all others, whatever it is called in the session, and by whatever way it is reached.</summary>
    Task<string> ReadHostIdAsync(CancellationToken cancellationToken);

    /// <summary>Lifecycle events from now on, until cancelled. Bounded: a reader that is too slow gets a <see cref="VMLifecycle.Gap"/>.</summary>
    IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken);
}
