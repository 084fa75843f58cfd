using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// The starting step: the VM runs at this target from now on (or stays paused, if somebody had paused it). The caller must know that it
/// runs nowhere else. A failure: it did not start; or, with an unknown outcome, nobody knows, and <see cref="ReadWhereabouts"/> must tell.
/// </summary>
public sealed record FinishMigration([property: JsonIgnore] IIncomingMigration Migration) : HostCall<Done>
{
    public override CallKind Kind => CallKind.Step;

    public override string FaultOperation => Faults.FaultOperation.Phase;

    public override string? VMName => Migration.VMName;
}
