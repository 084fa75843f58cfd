namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>
/// Turns the CPU time of each VM, which grows since it started, into the share of its CPUs that was busy between two readings.
/// </summary>
/// <param name="time">Tells how long ago a timestamp was.</param>
/// <param name="runOf">The number of a domain's run (libvirt-domain: virDomainGetID).</param>
internal sealed class VMCpuSampler(TimeProvider time, Func<nint, uint> runOf)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Sample> _samples = []; // of VMs that run

    /// <summary>How many VMs are remembered.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _samples.Count;
            }
        }
    }

    /// <summary>
    /// Takes a sample if it is time to. 0..1; 0 for a VM that is known not to run; NaN where unknown: at the first reading of a run, or
    /// if the time went back. What the hypervisor itself uses for the VM counts too, so it may be more than the guest knows of.
    /// </summary>
    /// <param name="domain">The VM.</param>
    /// <param name="id">Its id.</param>
    /// <param name="state">A VM that does not run is forgotten.</param>
    /// <param name="cpuCount">Over so many CPUs the time is shared.</param>
    /// <param name="cpuTime">Since the run began, over all CPUs; null where the hypervisor does not tell.</param>
    /// <param name="timestamp">When the time was asked for.</param>
    public double Read(nint domain, Guid id, PowerState state, int cpuCount, TimeSpan? cpuTime, long timestamp)
    {
        lock (_gate)
        {
            if (state is not PowerState.Running)
            {
                _samples.Remove(id);
                return state is PowerState.Unknown ? double.NaN : 0;
            }

            if (cpuTime is not { } used)
            {
                return double.NaN;
            }

            var ratio = double.NaN;
            _samples.TryGetValue(id, out var last);
            var span = last is null ? TimeSpan.Zero : time.GetElapsedTime(last.Timestamp, timestamp);
            if (last is not null && span < CpuSampler.MinimumSpan)
            {
                return last.Ratio; // also for a reading that was overtaken by a later one
            }

            var run = runOf(domain);
            if (last?.Run == run)
            {
                ratio = Ratio(used - last.CpuTime, span, cpuCount);
            }

            _samples[id] = new Sample(timestamp, run, used, ratio);
            return ratio;
        }
    }

    /// <summary>Forgets VMs that are not among all those of the host, which have just been read.</summary>
    public void KeepOnly(IReadOnlyList<VMReading> all)
    {
        lock (_gate)
        {
            // Nearly always there is one sample for each VM that runs, and nothing to do.
            if (_samples.Count > all.Count(static vm => vm.State is PowerState.Running))
            {
                HashSet<Guid> listed = [.. all.Select(static vm => vm.Id)];
                foreach (var id in _samples.Keys.Where(id => !listed.Contains(id)).ToList())
                {
                    _samples.Remove(id);
                }
            }
        }
    }

    private static double Ratio(TimeSpan busy, TimeSpan span, int cpuCount) =>
        busy >= TimeSpan.Zero && cpuCount > 0 ? Math.Min(busy / span / cpuCount, 1) : double.NaN;

    /// <summary>No struct: .NET has the machine code of a dictionary of objects.</summary>
    private sealed record Sample(long Timestamp, uint Run, TimeSpan CpuTime, double Ratio);
}
