using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>One simulated host. Its readings follow from the fleet's seed and from what runs on it. Guarded by its fleet's gate.</summary>
internal sealed class SimulatedHost
{
    public const string HypervisorType = "Simulated";

    public static readonly Version SimulatorVersion = new(1, 0, 0);

    private const string OldRack = "rack4";

    private readonly double _baseCpuRatio;
    private readonly long _baseMemoryBytes;
    private readonly List<SimulatedWatcher> _watchers = [];
    private readonly List<SimulatedStopWatch> _stopWatches = [];
    private readonly string[] _tags;

    public SimulatedHost(SimulatedFleetUri uri, int number, DateTimeOffset now)
    {
        Name = uri.HostName(number);
        Pools = [new SimulatedPool(GuidFrom($"{uri.FleetKey}/{Name}/pool"), SimulatedPool.First, "dir", "/var/lib/libvirt/images")];
        Networks = [SimulatedNetwork.First(GuidFrom($"{uri.FleetKey}/{Name}/network"))];
        // An own generator for each host: a host's readings do not depend on how many others there are.
        var random = new Random(HashCode(uri.Seed, number));
        CpuCount = 16;
        MemoryBytes = 64L << 30;
        _baseCpuRatio = Math.Min(0.97, 0.05 + (random.NextDouble() * 1.15));
        _baseMemoryBytes = (2L << 30) + (random.NextInt64(8) << 28);
        _tags = [random.NextDouble() < 0.7 ? "web" : "db", "rack" + (1 + ((number - 1) % 4)).ToString(CultureInfo.InvariantCulture)];
        var traffic = new Random(HashCode(uri.Seed, -number)); // another one: the draws of the first stay as they are
        for (var i = 1; i <= uri.VMs; i++)
        {
            var vm = new SimulatedVM
            {
                Id = GuidFrom($"{uri.FleetKey}/{Name}-{i}"),
                Name = $"{Name}-{i}",
                MemoryBytes = (1L << 30) << random.Next(3),
                CpuCount = 1 << random.Next(2),
                CpuLoad = random.NextDouble() * 0.5,
                Traffic = SimulatedTraffic.Draw(traffic),
            };
            vm.ChangeState(i <= uri.Running ? PowerState.Running : PowerState.Shutoff, now);
            VMs.Add(vm.Name, vm);
        }
    }

    public string Name { get; }

    public int CpuCount { get; }

    public long MemoryBytes { get; }

    /// <summary>By name, in the order of names: a reading lists them so.</summary>
    public SortedDictionary<string, SimulatedVM> VMs { get; } = new(NaturalOrder.Instance);

    public List<SimulatedPool> Pools { get; }

    public List<SimulatedNetwork> Networks { get; }

    /// <summary>The volumes that were made in its pools, in their order.</summary>
    public List<SimulatedVolume> Volumes { get; } = [];

    /// <summary>How big the images are that were made, or resized, by path.</summary>
    public Dictionary<string, long> ImageBytes { get; } = new(StringComparer.Ordinal);

    public long FreeMemoryBytes => MemoryBytes - _baseMemoryBytes - VMs.Values.Where(UsesMemory).Sum(vm => vm.MemoryBytes);

    public HostReading Read(bool includeVMs, DateTimeOffset now) => new()
    {
        CapturedAt = now,
        HostName = Name,
        HypervisorType = HypervisorType,
        HypervisorVersion = SimulatorVersion,
        CpuModel = "x86_64",
        CpuCount = CpuCount,
        CpuRatio = Math.Round(
            Math.Min(1, _baseCpuRatio + (VMs.Values.Where(vm => vm.State is PowerState.Running)
                .Sum(vm => vm.CpuLoad * vm.CpuCount) / CpuCount)), 4),
        MemoryBytes = MemoryBytes,
        FreeMemoryBytes = FreeMemoryBytes,
        VMs = includeVMs ? [.. VMs.Values.Where(static vm => !TemplateMark.IsOf(vm.Id)).Select(vm => vm.Read(now))] : null,
        Tags = _tags,
    };

    /// <summary>What it offers for VMs. Those in the last rack are older: they have no UEFI, and emulate no TPM.</summary>
    public DomainCapabilities OfferOf(string? machineType) => SimulatedOffer.Of(Name, machineType, isOlder: _tags.Contains(OldRack));

    /// <summary>The volumes that were made for the VM alone to read go with it.</summary>
    public void RemoveSeeds(SimulatedVM vm)
    {
        foreach (var seed in vm.Seeds)
        {
            Volumes.RemoveAll(volume => volume.Path == seed.Path);
            ImageBytes.Remove(seed.Path);
        }
    }

    public SimulatedVM? Find(Guid id) => VMs.Values.FirstOrDefault(vm => vm.Id == id);

    /// <summary>Fails if the VM's memory is not free.</summary>
    public void EnsureMemory(SimulatedVM vm)
    {
        if (FreeMemoryBytes < vm.MemoryBytes)
        {
            throw new HypervisorException(
                $"{Name} has {FreeMemoryBytes >> 20} MiB of memory left, '{vm.Name}' needs {vm.MemoryBytes >> 20}.",
                FaultDomain.Host, error: HypervisorError.ResourceUnavailable, recommendedAction: "Choose a host with more free memory.");
        }
    }

    public void Publish(SimulatedVM vm, VMLifecycle kind, DateTimeOffset now)
    {
        foreach (var watcher in _watchers)
        {
            watcher.Tell(new VMLifecycleEvent(now, vm.Id, vm.Name, kind));
        }
    }

    public void AddWatcher(SimulatedWatcher watcher) => _watchers.Add(watcher);

    public void RemoveWatcher(SimulatedWatcher watcher) => _watchers.Remove(watcher);

    public IAsyncDisposable WatchStops(Guid vm, Action<GuestStop> happened, Lock gate)
    {
        var watch = new SimulatedStopWatch(vm, happened, ended =>
        {
            lock (gate)
            {
                _stopWatches.Remove(ended);
            }
        });
        _stopWatches.Add(watch);
        return watch;
    }

    public void ReportStop(SimulatedVM vm, GuestStop stop)
    {
        foreach (var watch in _stopWatches.Where(watch => watch.VM == vm.Id))
        {
            watch.Tell(stop);
        }
    }

    private static bool UsesMemory(SimulatedVM vm) => vm.State is PowerState.Running or PowerState.Paused or PowerState.PMSuspended;

    // System.HashCode is randomised per process; a fleet must be the same in each.
    private static int HashCode(int seed, int number)
    {
        var hash = unchecked((uint)seed * 2654435761u) ^ unchecked((uint)number * 2246822519u);
        hash ^= hash >> 15;
        hash *= 2246822519u;
        hash ^= hash >> 13;
        return (int)(hash & int.MaxValue);
    }

    private static Guid GuidFrom(string text) => new(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));
}
