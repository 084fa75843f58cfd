using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Removes the definition of a stopped VM, if it has no saved state (<see cref="HypervisorError.InvalidState"/>); with
/// <paramref name="RemoveVolumes"/> also the volumes of its writable disks, but for those that others use, or may use. Each disk that stays
/// is told by <see cref="CallWarnings"/>.
/// </summary>
public sealed record UndefineVM(Guid Id, bool RemoveVolumes = false) : VMChange<Done>(Id)
{
    public override string JournalKind => "Undefine";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override JsonObject? Details => RemoveVolumes ? new JsonObject { ["removeVolumes"] = true } : null;
}
