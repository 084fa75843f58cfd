using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Ends the copying of a disk to another image that a <see cref="SwitchDisk"/> has begun whose caller is gone: the VM goes on with what it
/// has. Fine where nothing is copied there.
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="Target">The disk.</param>
/// <param name="NewPath">Where it is copied to; a copying to elsewhere is somebody else's.</param>
public sealed record AbandonDiskCopy(Guid Id, string Target, string NewPath) : VMChange<Done>(Id)
{
    public override string JournalKind => "AbandonDiskCopy";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["target"] = Target, ["newPath"] = NewPath };
}
