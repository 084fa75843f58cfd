using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Sends the VM once, to all these targets. Returns when the source has paused the VM for good and at least one target has its whole
/// state: those that have it, in the order in which they said so. The others were given up, by the budget or because they failed.
/// </summary>
/// <remarks>
/// A <see cref="HypervisorException"/>: the VM was not handed over, and runs on at the source (or is paused there, if somebody had paused
/// it), unless the outcome is unknown. Targets may have the whole state all the same: each must be abandoned, and be seen absent, before
/// the source is confirmed. An <see cref="OperationCanceledException"/>: as before, and the job was aborted.
/// </remarks>
/// <param name="Migration">The source's end.</param>
/// <param name="Targets">The targets' ends.</param>
/// <param name="Budget">When a target is given up.</param>
public sealed record PerformMigration(
    [property: JsonIgnore] IOutgoingMigration Migration,
    [property: JsonIgnore] IReadOnlyList<IIncomingMigration> Targets,
    ReplicaBudget Budget) : HostCall<IReadOnlyList<IIncomingMigration>>
{
    [JsonIgnore]
    public IProgress<ReplicaProgress>? Progress { get; init; }

    public override CallKind Kind => CallKind.Job;

    public override string FaultOperation => Faults.FaultOperation.Phase;

    public override string? VMName => Migration.Offer.Name;
}
