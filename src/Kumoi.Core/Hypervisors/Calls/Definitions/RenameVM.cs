using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Gives a VM that is off another name. Its id, its disks and their files stay.</summary>
public sealed record RenameVM(Guid Id, string NewName) : VMChange<Done>(Id)
{
    public override string JournalKind => "Rename";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override bool IsForTemplates => true;

    public override JsonObject? Details => new() { ["newName"] = NewName };
}
