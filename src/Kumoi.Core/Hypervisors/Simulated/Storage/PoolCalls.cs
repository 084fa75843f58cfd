using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Storage;

/// <summary>Calls on storage pools. Each simulated host begins with one, <c>default</c>; each pool has 1 TiB.</summary>
internal static class PoolCalls
{
    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, ReadStorage _, CancellationToken token) => link.Call(() => Read(link), token))
        .Add(static (SimulatedLink link, RefreshPool call, CancellationToken token) => link.Call(() => Refresh(link, call), token))
        .Add(static (SimulatedLink link, CreatePool call, CancellationToken token) => link.Call(() => Create(link, call.Pool), token))
        .Add(static (SimulatedLink link, StartPool call, CancellationToken token) => link.Call(() => Start(link, call), token))
        .Add(static (SimulatedLink link, StopPool call, CancellationToken token) => link.Call(() => Stop(link, call), token))
        .Add(static (SimulatedLink link, RemovePool call, CancellationToken token) => link.Call(() => Remove(link, call), token))
        .Add(static (SimulatedLink link, SetPoolAutostart call, CancellationToken token) => link.Call(() => Set(link, call), token));

    /// <summary>Fails where the host has no such pool, or it is not active.</summary>
    public static void EnsureActive(SimulatedLink link, string name)
    {
        var pool = link.Host.Pools.Find(one => one.Name == name) ?? throw VolumeDefinition.NoPool(link.HostName, name);
        if (!pool.IsActive)
        {
            throw PoolDefinition.NotActive(link.HostName, name);
        }
    }

    public static long AllocatedBytes(SimulatedLink link, string pool) =>
        link.Host.Volumes.Where(volume => volume.Pool == pool).Sum(static volume => volume.Bytes);

    private static IReadOnlyList<PoolReading> Read(SimulatedLink link) => [.. link.Host.Pools.Select(pool => Read(link, pool))];

    private static PoolReading Read(SimulatedLink link, SimulatedPool pool)
    {
        var allocated = pool.IsActive ? AllocatedBytes(link, pool.Name) : 0;
        return new PoolReading
        {
            Id = pool.Id,
            Name = pool.Name,
            Type = pool.Type,
            IsActive = pool.IsActive,
            IsAutostart = pool.IsAutostart,
            Path = pool.Path,
            CapacityBytes = pool.IsActive ? SimulatedPool.Bytes : 0,
            AllocatedBytes = allocated,
            FreeBytes = pool.IsActive ? SimulatedPool.Bytes - allocated : 0,
        };
    }

    private static PoolReading Refresh(SimulatedLink link, RefreshPool call)
    {
        var pool = Get(link, call.Id, call.Id.ToString());
        EnsureActive(link, pool.Name);
        return Read(link, pool);
    }

    private static PoolReading Create(SimulatedLink link, PoolSpec spec)
    {
        if (link.Host.Pools.Exists(pool => pool.Name == spec.Name))
        {
            throw PoolDefinition.Exists(link.HostName, spec.Name);
        }

        var path = PoolDefinition.PathOf(spec);
        if (link.Host.Pools.Find(pool => pool.Path == path) is { } other)
        {
            throw PoolDefinition.SamePlace(link.HostName, spec.Name, other.Name, path);
        }

        var made = new SimulatedPool(Guid.NewGuid(), spec.Name, PoolDefinition.TypeOf(spec.Kind), path)
        {
            IsActive = spec.IsStarted,
            IsAutostart = spec.IsAutostart,
        };
        link.Host.Pools.Add(made);
        return Read(link, made);
    }

    private static PoolReading Start(SimulatedLink link, StartPool call)
    {
        var pool = Get(link, call.Id, call.PoolName);
        pool.IsActive = true;
        return Read(link, pool);
    }

    private static PoolReading Stop(SimulatedLink link, StopPool call)
    {
        var pool = Get(link, call.Id, call.PoolName);
        if (pool.IsActive)
        {
            EnsureUnused(link, pool, static vm => vm.State is not PowerState.Shutoff);
        }

        pool.IsActive = false;
        return Read(link, pool);
    }

    private static Done Remove(SimulatedLink link, RemovePool call)
    {
        if (link.Host.Pools.Find(pool => pool.Id == call.Id) is { } pool)
        {
            EnsureUnused(link, pool, static _ => true);
            link.Host.Pools.Remove(pool);
            link.Host.Volumes.RemoveAll(volume => volume.Pool == pool.Name); // nobody knows of them any more
        }

        return default;
    }

    private static PoolReading Set(SimulatedLink link, SetPoolAutostart call)
    {
        var pool = Get(link, call.Id, call.PoolName);
        pool.IsAutostart = call.IsOn;
        return Read(link, pool);
    }

    private static SimulatedPool Get(SimulatedLink link, Guid id, string name) =>
        link.Host.Pools.Find(pool => pool.Id == id) ?? throw PoolDefinition.IsGone(link.HostName, name);

    private static void EnsureUnused(SimulatedLink link, SimulatedPool pool, Func<SimulatedVM, bool> counts)
    {
        var uses = new ImageUses();
        foreach (var vm in link.Host.VMs.Values.Where(vm => vm.Definition is not null && counts(vm)))
        {
            uses.AddDefinition(vm.Name, vm.Definition!);
        }

        if (uses.FindUseOfPool(pool.Name, pool.Path) is { } use)
        {
            throw PoolDefinition.InUse(link.HostName, pool.Name, use);
        }
    }
}
