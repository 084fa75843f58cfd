using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Changes settings of a disk: all of them, or none. Its limits at once if the VM runs, and in its definition; the others of a VM that is
/// off: else <see cref="HypervisorError.InvalidState"/>.
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="Target">The disk's name in the VM.</param>
/// <param name="Path">Its image, as it was read: another one in it by now is not the disk that was meant.</param>
/// <param name="Settings">What to change.</param>
public sealed record SetDisk(Guid Id, string Target, string? Path, DiskSettings Settings) : VMChange<DiskReading>(Id)
{
    public override string JournalKind => "SetDisk";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new()
    {
        ["target"] = Target,
        ["path"] = Path,
        ["cache"] = Settings.Cache?.ToString(),
        ["io"] = Settings.Io?.ToString(),
        ["discard"] = Settings.Discard?.ToString(),
        ["isReadOnly"] = Settings.IsReadOnly,
        ["bytesPerSecond"] = Settings.BytesPerSecond,
        ["readBytesPerSecond"] = Settings.ReadBytesPerSecond,
        ["writeBytesPerSecond"] = Settings.WriteBytesPerSecond,
        ["operationsPerSecond"] = Settings.OperationsPerSecond,
        ["readOperationsPerSecond"] = Settings.ReadOperationsPerSecond,
        ["writeOperationsPerSecond"] = Settings.WriteOperationsPerSecond,
    };
}
