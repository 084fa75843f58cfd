using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Leaves nothing behind at this target, also after a <see cref="FinishMigration"/> that failed. When it returns, the host was seen to have
/// no such VM. A failure: nobody knows whether something is left, because the host does not answer.
/// </summary>
public sealed record AbandonMigration([property: JsonIgnore] IIncomingMigration Migration) : HostCall<Done>
{
    public override CallKind Kind => CallKind.Step;

    public override string FaultOperation => Faults.FaultOperation.Stop;

    public override string? VMName => Migration.VMName;
}
