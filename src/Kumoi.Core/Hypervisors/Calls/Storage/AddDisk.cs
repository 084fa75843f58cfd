using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Gives a VM a disk: at once if it is not off, and in its definition. If that fails, a volume that was made for it is gone again. What is
/// not known of the image is told by <see cref="CallWarnings"/>.
/// </summary>
public sealed record AddDisk(Guid Id, DiskAddition Disk) : VMChange<DiskReading>(Id)
{
    public override string JournalKind => "AddDisk";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new()
    {
        ["path"] = Disk.Path,
        ["newVolumeBytes"] = Disk.NewVolumeBytes,
        ["volume"] = Disk.VolumeName,
        ["pool"] = Disk.Path is null ? Disk.StoragePool : null,
    };
}
