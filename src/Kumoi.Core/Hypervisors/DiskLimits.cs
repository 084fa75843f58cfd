using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>How much a VM may read from a disk, and write to it, each second; 0: without a limit.</summary>
/// <param name="BytesPerSecond">Read and written together.</param>
/// <param name="ReadBytesPerSecond">Read.</param>
/// <param name="WriteBytesPerSecond">Written.</param>
/// <param name="OperationsPerSecond">Requests, together.</param>
/// <param name="ReadOperationsPerSecond">Requests to read.</param>
/// <param name="WriteOperationsPerSecond">Requests to write.</param>
public sealed record DiskLimits(
    long BytesPerSecond = 0, long ReadBytesPerSecond = 0, long WriteBytesPerSecond = 0, long OperationsPerSecond = 0,
    long ReadOperationsPerSecond = 0, long WriteOperationsPerSecond = 0)
{
    /// <summary>As a disk's XML has them (iotune), with libvirt's names.</summary>
    internal static DiskLimits Of(XElement disk)
    {
        var tune = disk.Element("iotune");
        return new(
            Read("total_bytes_sec"), Read("read_bytes_sec"), Read("write_bytes_sec"), Read("total_iops_sec"), Read("read_iops_sec"),
            Read("write_iops_sec"));

        long Read(string name) => (long?)tune?.Element(name) ?? 0;
    }

    /// <summary>By libvirt's names (virDomainSetBlockIoTune); all of them, since what is left out may become 0.</summary>
    internal IReadOnlyList<(string Name, long Value)> ToParameters() =>
    [
        ("total_bytes_sec", BytesPerSecond), ("read_bytes_sec", ReadBytesPerSecond), ("write_bytes_sec", WriteBytesPerSecond),
        ("total_iops_sec", OperationsPerSecond), ("read_iops_sec", ReadOperationsPerSecond), ("write_iops_sec", WriteOperationsPerSecond),
    ];

    /// <summary>Null: none.</summary>
    internal XElement? ToXml() => this == new DiskLimits() ? null : new XElement(
        "iotune", ToParameters().Where(static one => one.Value > 0).Select(static one => new XElement(one.Name, one.Value)));
}
