using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Puts another definition in the place of a VM's, from its next start on, if it still is what it was. Gives the new one as
/// <see cref="ReadDefinition"/> does. Marks of Kumoi that the new one does not have stay, and so do passwords that it leaves out.
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="Xml">Of the same name and id. The hypervisor checks it.</param>
/// <param name="Before">As <see cref="ReadDefinition"/> gave it: another one since then is not overwritten (InvalidState).</param>
public sealed record RedefineVM(Guid Id, string Xml, string Before) : VMChange<string>(Id)
{
    public override string JournalKind => "Redefine";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    /// <summary>What it was, to be put back by hand; without what may be secret.</summary>
    public override JsonObject? Details => new() { ["before"] = Redefinition.ToJournal(Before) };
}
