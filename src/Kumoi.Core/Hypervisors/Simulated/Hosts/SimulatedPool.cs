namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>A storage pool of a simulated host, of 1 TiB.</summary>
internal sealed class SimulatedPool(Guid id, string name, string type, string path)
{
    public const string First = "default";
    public const long Bytes = 1L << 40;

    public Guid Id => id;

    public string Name => name;

    public string Type => type;

    public string Path => path;

    public bool IsActive { get; set; } = true;

    public bool IsAutostart { get; set; } = true;
}
