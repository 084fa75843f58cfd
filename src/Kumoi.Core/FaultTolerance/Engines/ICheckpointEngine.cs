using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>How checkpoints of a VM are made and kept, and how it goes on from one.</summary>
/// <remarks>
/// Whether a checkpoint survives the loss of its backup host is a property of the engine, which the marks of its checkpoints carry
/// (<see cref="CheckpointMark.SurvivesBackup"/>): what a backup may do follows from it, in <see cref="PairRules"/>.
/// </remarks>
internal interface ICheckpointEngine : IAsyncDisposable
{
    /// <summary>Starts the VM, if it is off, in the way that this engine needs. False: any way will do.</summary>
    /// <exception cref="HypervisorException">It could not be started.</exception>
    Task<bool> StartAsync(IHypervisorLink host, Guid domain, ConsoleGate console, CancellationToken cancellationToken) =>
        Task.FromResult(false);

    /// <summary>
    /// Makes a checkpoint. It is whole when this returns, and does not count before it is written down. Null: what the VM had put out until
    /// then is not known, and it is made again.
    /// </summary>
    /// <exception cref="HypervisorException">It does not count. The VM runs on.</exception>
    Task<MadeCheckpoint?> MakeAsync(CheckpointJob job, CancellationToken cancellationToken);

    /// <summary>Whether the host can go on from the checkpoint.</summary>
    /// <exception cref="HypervisorException">That is not known.</exception>
    Task<bool> HasAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken);

    /// <summary>
    /// Brings the VM to the host as it was at the checkpoint, paused. Returns the gate that its console is connected to.
    /// </summary>
    /// <exception cref="HypervisorException">The host cannot go on from it.</exception>
    Task<ConsoleGate> BringAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken);

    /// <summary>
    /// Has the host get the VM ready to go on from the checkpoint, without ever letting it, and removes it again. How long that took.
    /// </summary>
    /// <exception cref="HypervisorException">It cannot, or this engine cannot try it out.</exception>
    Task<TimeSpan> DrillAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken);

    /// <summary>What an attempt has found that no further one can mend; null: another one may succeed.</summary>
    PairEvent? Found => null;

    /// <summary>
    /// The VM goes on alone: nothing of the engine is left in its QEMU, or beside it, that runs or keeps it standing. False: it is to be
    /// tried again.
    /// </summary>
    Task<bool> LetGoAsync(
        IHypervisorLink primary, Guid domain, Func<string, IHypervisorLink> hosts, CancellationToken cancellationToken) =>
        Task.FromResult(true);

    /// <summary>Removes all checkpoints but one, or, with null, all, as far as that can be done now.</summary>
    Task DropAsync(CheckpointMark? but, CancellationToken cancellationToken);
}
