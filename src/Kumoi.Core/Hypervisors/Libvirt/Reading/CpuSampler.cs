using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>Turns the node's CPU counters, which grow since boot, into the share that was busy between two readings.</summary>
internal sealed class CpuSampler(TimeProvider time)
{
    /// <summary>Closer samples would mostly measure the counters' own steps.</summary>
    public static readonly TimeSpan MinimumSpan = TimeSpan.FromMilliseconds(100);

    private static int _usual; // how many counters nodes have

    private readonly Lock _gate = new();
    private Sample? _last;
    private double? _ratio;
    private bool _isUnsupported;

    /// <summary>How long to wait before the next reading can tell a ratio; zero if it already can.</summary>
    public TimeSpan UntilReady
    {
        get
        {
            lock (_gate)
            {
                if (_isUnsupported || _ratio is not null || _last is not { } sample)
                {
                    return TimeSpan.Zero;
                }

                var left = MinimumSpan - time.GetElapsedTime(sample.Timestamp);
                return left > TimeSpan.Zero ? left : TimeSpan.Zero;
            }
        }
    }

    /// <summary>Takes a sample if it is time to. 0..1; NaN where unknown (libvirt-host: virNodeGetCPUStats).</summary>
    public double Read(LibvirtConnection connection)
    {
        lock (_gate)
        {
            var isTooSoon = _last is { } recent && time.GetElapsedTime(recent.Timestamp) < MinimumSpan;
            if (_isUnsupported || isTooSoon)
            {
                return _ratio ?? double.NaN;
            }

            if (Take(connection) is not { } now)
            {
                _isUnsupported = true;
                return double.NaN;
            }

            if (_last is { } before)
            {
                _ratio = Ratio(before, now);
            }

            _last = now;
            return _ratio ?? double.NaN;
        }
    }

    internal static double Ratio(Sample before, Sample now)
    {
        var total = now.Total - (double)before.Total;
        var busy = now.Busy - (double)before.Busy;
        return total > 0 ? Math.Clamp(busy / total, 0, 1) : double.NaN;
    }

    private unsafe Sample? Take(LibvirtConnection connection)
    {
        if (NodeStats.Read(connection, NativeNode.virNodeGetCPUStats, NativeNode.AllCpus, ref _usual) is not { } stats)
        {
            return null;
        }

        ulong idle = 0;
        ulong total = 0;
        foreach (var (name, value) in stats)
        {
            switch (name)
            {
                case "idle" or "iowait":
                    idle += value;
                    total += value;
                    break;
                case "kernel" or "user" or "intr":
                    total += value;
                    break;
            }
        }

        return total == 0 ? null : new Sample(time.GetTimestamp(), total - idle, total);
    }

    /// <summary>Nanoseconds since boot, over all CPUs.</summary>
    internal readonly record struct Sample(long Timestamp, ulong Busy, ulong Total);
}
