using System.Text.Json.Serialization;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Ends a migration at its source: gives the VM up (it runs on the winner), or, with <paramref name="Cancelled"/>, takes it back: it goes
/// on here, if it had been handed over. Only when no target has it any more. The mark goes, but for a strict one: it stays on the winner.
/// </summary>
public sealed record ConfirmMigration([property: JsonIgnore] IOutgoingMigration Migration, bool Cancelled) : HostCall<Done>
{
    public override CallKind Kind => CallKind.Step;

    public override string FaultOperation => Faults.FaultOperation.Phase;

    public override string? VMName => Migration.Offer.Name;
}
