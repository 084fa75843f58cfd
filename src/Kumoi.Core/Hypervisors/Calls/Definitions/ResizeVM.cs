using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Changes how many CPUs and how much memory a VM has: at once, if it runs, and from its next start on. All of it, or nothing. Gives what
/// it had before. While it runs it can be given what <see cref="VMSizes"/> says; a new maximum holds from its next start on. A guest that is
/// asked for memory gives it when it can.
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="CpuCount">1 or more; null: as it is.</param>
/// <param name="MemoryBytes">Null: as it is. The hypervisor may round it up to a whole KiB.</param>
public sealed record ResizeVM(Guid Id, int? CpuCount, long? MemoryBytes) : VMChange<VMSizes>(Id)
{
    /// <summary>Null: of a VM that is off the number itself, of one that runs as it is.</summary>
    public int? MaxCpuCount { get; init; }

    /// <inheritdoc cref="MaxCpuCount"/>
    public long? MaxMemoryBytes { get; init; }

    public override string JournalKind => "Resize";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override JsonObject? Details => new()
    {
        ["cpuCount"] = CpuCount,
        ["memoryBytes"] = MemoryBytes,
        ["maxCpuCount"] = MaxCpuCount,
        ["maxMemoryBytes"] = MaxMemoryBytes,
    };

    /// <summary>What the definition is to be.</summary>
    /// <param name="before">What it is.</param>
    /// <param name="isOff">Without a maximum that is given it is the number itself; while the VM runs, it is not lowered.</param>
    internal VMSizes Apply(VMSizes before, bool isOff) => new(
        CpuCount ?? before.CpuCount,
        MaxCpuCount ?? (CpuCount is not { } cpus ? before.MaxCpuCount : isOff ? cpus : Math.Max(cpus, before.MaxCpuCount)),
        MemoryBytes ?? before.MemoryBytes,
        MaxMemoryBytes ?? (MemoryBytes is not { } bytes ? before.MaxMemoryBytes : isOff ? bytes : Math.Max(bytes, before.MaxMemoryBytes)));
}
