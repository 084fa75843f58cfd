namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>What a simulated VM reads, writes, receives and sends while it runs, in bytes per second.</summary>
internal readonly record struct SimulatedTraffic(long DiskRead, long DiskWritten, long NetworkReceived, long NetworkSent)
{
    /// <summary>Of VMs that were defined later.</summary>
    public static SimulatedTraffic Light { get; } = new(64 << 10, 32 << 10, 16 << 10, 16 << 10);

    /// <summary>Of VMs that a fleet comes with: up to 4 MiB/s from disks, 2 to them, 1 each way on the network.</summary>
    public static SimulatedTraffic Draw(Random random) =>
        new(random.Next(1, 4 << 20), random.Next(1, 2 << 20), random.Next(1, 1 << 20), random.Next(1, 1 << 20));
}
