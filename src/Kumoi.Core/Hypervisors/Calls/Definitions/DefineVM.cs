using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Defines a persistent VM, which carries the operation in its metadata. A VM of that name fails with
/// <see cref="HypervisorError.VMExists"/>. What was made before a definite failure (volumes) is removed again.
/// </summary>
public sealed record DefineVM(VMSpec Spec) : HostChange<VMReading>
{
    public override CallKind Kind => Spec.Copies ? CallKind.Job : CallKind.Write;

    public override string JournalKind => "Define";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override string? VMName => Spec.FindName();

    public override bool BringsVM => true;

    /// <summary>A VM's XML and a kernel's arguments can hold passwords, and stay out.</summary>
    public override JsonObject? Details
    {
        get
        {
            if (Spec.Xml is not null)
            {
                return new JsonObject
                {
                    ["fromXml"] = true,
                    ["copyDisks"] = Spec.CopyDisks,
                    ["linked"] = Spec.LinkDisks,
                    ["template"] = Spec.IsTemplate,
                };
            }

            var details = new JsonObject
            {
                [JournalDetails.MemoryBytes] = Spec.MemoryBytes,
                ["cpuCount"] = Spec.CpuCount,
                ["disks"] = new JsonArray([.. Spec.Disks.Select(DetailsOf)]),
                ["networks"] = new JsonArray([.. Spec.Networks.Select(network => (JsonNode)network)]),
            };
            if (Spec.Kernel is not null)
            {
                details["kernel"] = Spec.Kernel;
            }

            if (Spec.Machine is { } machine)
            {
                details["machine"] = DetailsOf(machine);
            }

            if (Spec.IsAutostart)
            {
                details["autostart"] = true;
            }

            return details;
        }
    }

    private static JsonObject DetailsOf(MachineSpec machine) => new()
    {
        ["type"] = machine.MachineType,
        ["firmware"] = machine.Firmware.ToString(),
        ["cpuModel"] = machine.CpuModel,
        ["topology"] = machine.Topology?.ToString(),
        ["tpm"] = machine.HasTpm,
        ["system"] = machine.GuestSystem?.ShortId,
    };

    /// <summary>What a volume is to hold can be secret, and stays out.</summary>
    private static JsonObject DetailsOf(DiskSpec disk) => disk switch
    {
        { Content: not null } => new JsonObject { ["seed"] = true, ["storagePool"] = disk.StoragePool },
        { CopyOf: { } image } => new JsonObject { ["copyOf"] = image, ["storagePool"] = disk.StoragePool },
        { Path: { } path } => new JsonObject { ["path"] = path },
        { TemplatePath: { } template } => new JsonObject { ["template"] = template, ["storagePool"] = disk.StoragePool },
        _ => new JsonObject { ["newVolumeBytes"] = disk.NewVolumeBytes, ["storagePool"] = disk.StoragePool },
    };
}
