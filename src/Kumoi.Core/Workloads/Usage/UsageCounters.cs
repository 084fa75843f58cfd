using Kumoi.Hypervisors;

namespace Kumoi.Workloads.Usage;

/// <summary>
/// A VM's counters at one moment. They grow while the VM runs, and begin at zero when it starts or arrives on another host.
/// </summary>
internal sealed record UsageCounters(
    DateTimeOffset At, double CpuSec, long DiskRead, long DiskWritten, long NetworkReceived, long NetworkSent)
{
    public static UsageCounters Of(VMReading reading) => new(
        reading.CapturedAt, reading.CpuTime.TotalSeconds, reading.DiskReadBytes, reading.DiskWrittenBytes, reading.NetworkReceivedBytes,
        reading.NetworkSentBytes);

    public static UsageCounters Zero(DateTimeOffset at) => new(at, 0, 0, 0, 0, 0);

    /// <summary>
    /// What was used since then. Where a counter has gone back, the VM has begun anew, and all that it counts was used since.
    /// </summary>
    public UsageCounters Since(UsageCounters before)
    {
        var begin = CpuSec < before.CpuSec || DiskRead < before.DiskRead || DiskWritten < before.DiskWritten
            || NetworkReceived < before.NetworkReceived || NetworkSent < before.NetworkSent
            ? Zero(before.At)
            : before;
        return new(
            At, CpuSec - begin.CpuSec, DiskRead - begin.DiskRead, DiskWritten - begin.DiskWritten, NetworkReceived - begin.NetworkReceived,
            NetworkSent - begin.NetworkSent);
    }
}
