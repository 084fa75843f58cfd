using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// A command of QEMU's own for a VM that runs (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html), for what libvirt has no call
/// for. libvirt marks the VM as touched by others (its taint 'custom-monitor').
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="Command">The command's name.</param>
/// <param name="Arguments">Its arguments; null: none.</param>
public sealed record QemuCommand(Guid Id, string Command, JsonObject? Arguments = null) : HostCall<JsonElement>
{
    public override CallKind Kind => CallKind.Step;

    public override string FaultOperation => Faults.FaultOperation.Phase;

    public override Guid? VMId => Id;
}
