using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>What can be done with the storage pools of hosts. Nothing that is in one is ever deleted.</summary>
public static class HostPools
{
    /// <summary>Makes a storage pool, or leaves nothing.</summary>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: names and paths cannot be such. StorageFailed: another pool has its name or its place, or it cannot be started.
    /// </exception>
    public static async Task<KumoiPool> CreateAsync(KumoiConnection host, PoolSpec spec, CancellationToken cancellationToken)
    {
        Ensure(spec);
        return Made(host, await host.Link.SendAsync(new CreatePool(spec), cancellationToken));
    }

    /// <summary>Starts a storage pool. One that is active is fine.</summary>
    public static async Task<KumoiPool> StartAsync(KumoiPool pool, CancellationToken cancellationToken) =>
        Made(pool.Connection, await pool.Connection.Link.SendAsync(new StartPool(pool.Id, pool.Name), cancellationToken));

    /// <summary>Stops a storage pool: its host knows its volumes no more. One that is not active is fine.</summary>
    /// <exception cref="HypervisorException">InvalidState: a VM that runs uses what is in it.</exception>
    public static async Task<KumoiPool> StopAsync(KumoiPool pool, CancellationToken cancellationToken) =>
        Made(pool.Connection, await pool.Connection.Link.SendAsync(new StopPool(pool.Id, pool.Name), cancellationToken));

    /// <summary>Stops a storage pool, and removes its definition. One that is gone is fine.</summary>
    /// <exception cref="HypervisorException">InvalidState: a VM uses what is in it.</exception>
    public static async Task RemoveAsync(KumoiPool pool, CancellationToken cancellationToken) =>
        await pool.Connection.Link.SendAsync(new RemovePool(pool.Id, pool.Name), cancellationToken);

    /// <summary>Whether the host starts a storage pool when the host itself starts.</summary>
    public static async Task<KumoiPool> SetAutostartAsync(KumoiPool pool, bool isOn, CancellationToken cancellationToken) =>
        Made(pool.Connection, await pool.Connection.Link.SendAsync(new SetPoolAutostart(pool.Id, pool.Name, isOn), cancellationToken));

    /// <summary>Lets the host look what is in an active storage pool.</summary>
    public static async Task<KumoiPool> RefreshAsync(KumoiPool pool, CancellationToken cancellationToken) =>
        Made(pool.Connection, await pool.Connection.Link.SendAsync(new RefreshPool(pool.Id), cancellationToken));

    private static KumoiPool Made(KumoiConnection host, PoolReading reading) => new(host, reading, DateTimeOffset.UtcNow);

    private static void Ensure(PoolSpec spec)
    {
        VMSpecCheck.EnsureName(spec.Name, "storage pool");
        if (spec.Name.Contains('/', StringComparison.Ordinal) || spec.Name is "." or "..")
        {
            throw Invalid($"'{spec.Name}' is no name for a storage pool.", "Give a name without '/'.");
        }

        if (spec.Kind is PoolKind.VolumeGroup)
        {
            VMSpecCheck.EnsureName(spec.Source ?? "", "volume group");
            if (spec.Source!.Contains('/', StringComparison.Ordinal) || spec.Source[0] is '.' or '-')
            {
                throw Invalid($"'{spec.Source}' is no name of a volume group.", "'vgs' on the host lists its volume groups.");
            }

            return;
        }

        EnsureDirectory(spec.Path, "path of the storage pool");
        if (spec.Kind is PoolKind.Nfs)
        {
            VMSpecCheck.EnsureName(spec.SourceHost ?? "", "server");
            if (spec.SourceHost!.Any(char.IsWhiteSpace) || spec.SourceHost![0] is '-')
            {
                throw Invalid($"'{spec.SourceHost}' is no name of a server.", "Give its name or its address.");
            }

            EnsureDirectory(spec.Source, "directory that the server exports");
        }
    }

    private static void EnsureDirectory(string? path, string what)
    {
        VMSpecCheck.EnsureText(path ?? "", $"The {what}");
        if (path is null || !path.StartsWith('/') || ImagePath.Normalize(path) is "/")
        {
            throw Invalid($"'{path}' cannot be the {what}.", "Give the whole path of a directory, which begins with '/'.");
        }
    }

    private static HypervisorException Invalid(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: action);
}
