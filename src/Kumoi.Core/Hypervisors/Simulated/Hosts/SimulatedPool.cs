namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>A storage pool of a simulated host, of 1 TiB.</summary>
internal sealed class SimulatedPool(Guid id, string name, string type, string path)
{
    public const string First = "default";
    public const long Bytes = 1L << 40;

    /// <summary>Fails where a volume of this size has no room.</summary>
    /// <exception cref="HypervisorException">StorageFailed.</exception>
    public static void EnsureRoom(SimulatedHost host, string pool, string volume, long bytes)
    {
        var free = Bytes - host.Volumes.Where(one => one.Pool == pool).Sum(static one => one.Bytes);
        if (bytes > free)
        {
            throw new HypervisorException(
                $"The storage pool '{pool}' of {host.Name} has {free} bytes free, '{volume}' needs {bytes}.",
                FaultDomain.Storage, error: HypervisorError.StorageFailed, recommendedAction: "Choose another host, or a smaller volume.");
        }
    }

    public Guid Id => id;

    public string Name => name;

    public string Type => type;

    public string Path => path;

    public bool IsActive { get; set; } = true;

    public bool IsAutostart { get; set; } = true;
}
