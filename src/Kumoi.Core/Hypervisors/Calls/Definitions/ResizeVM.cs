using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Changes how many CPUs and how much memory a VM has from its next start on. All of it, or nothing.</summary>
/// <param name="Id">The VM, which has a definition.</param>
/// <param name="CpuCount">1 or more; null: as it is.</param>
/// <param name="MemoryBytes">Null: as it is. The hypervisor may round it up to a whole KiB.</param>
public sealed record ResizeVM(Guid Id, int? CpuCount, long? MemoryBytes) : VMChange<Done>(Id)
{
    public override string JournalKind => "Resize";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override JsonObject? Details => new() { ["cpuCount"] = CpuCount, ["memoryBytes"] = MemoryBytes };
}
