using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>What can be done with the storage of hosts.</summary>
public static class HostStorage
{
    /// <summary>All storage pools of a host, in natural order of their names.</summary>
    public static async Task<IReadOnlyList<KumoiPool>> ReadPoolsAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        var readings = await host.Link.SendAsync(new ReadStorage(), cancellationToken);
        var now = DateTimeOffset.UtcNow;
        return [.. readings.OrderBy(static pool => pool.Name, NaturalOrder.Instance).Select(pool => new KumoiPool(host, pool, now))];
    }

    /// <summary>The volumes of a storage pool, in natural order of their names.</summary>
    public static async Task<IReadOnlyList<KumoiVolume>> ReadVolumesAsync(KumoiPool pool, CancellationToken cancellationToken)
    {
        var readings = await pool.Connection.Link.SendAsync(new ReadVolumes(pool.Name), cancellationToken);
        var now = DateTimeOffset.UtcNow;
        return
        [
            .. readings.OrderBy(static volume => volume.Name, NaturalOrder.Instance)
                .Select(volume => new KumoiVolume(pool.Connection, volume, now)),
        ];
    }

    /// <summary>Makes a volume that takes up space as it is written to.</summary>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: no volume can be called so. StorageFailed: there is one, or no room.
    /// </exception>
    public static async Task<KumoiVolume> CreateVolumeAsync(
        KumoiConnection host, string pool, string name, string format, long bytes, CancellationToken cancellationToken)
    {
        EnsureVolumeName(name);
        VMSpecCheck.EnsureName(pool, "storage pool");
        return new KumoiVolume(
            host, await host.Link.SendAsync(new CreateVolume(pool, name, format, bytes), cancellationToken), DateTimeOffset.UtcNow);
    }

    /// <summary>
    /// Makes a volume that has, byte for byte, what a file of this computer has. Cancelled or cut, it has left nothing.
    /// </summary>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: no volume can be called so, or the file cannot be read. StorageFailed: there is such a volume, or no room.
    /// </exception>
    public static async Task<KumoiVolume> ImportVolumeAsync(
        KumoiConnection host, string pool, string name, string localPath, IProgress<CopyProgress>? progress,
        CancellationToken cancellationToken)
    {
        EnsureVolumeName(name);
        VMSpecCheck.EnsureName(pool, "storage pool");
        var call = new UploadVolume(pool, name, Path.GetFullPath(localPath)) { Progress = progress };
        return new KumoiVolume(host, await host.Link.SendAsync(call, cancellationToken), DateTimeOffset.UtcNow);
    }

    /// <summary>
    /// Writes what a volume has to a file of this computer, which is there only when it is whole. The result is its length in bytes.
    /// </summary>
    /// <exception cref="HypervisorException">
    /// InvalidState: a VM that runs writes to the volume. InvalidSpecification: the file is there already, or cannot be written.
    /// </exception>
    public static async Task<long> ExportVolumeAsync(
        KumoiVolume volume, string localPath, bool replace, IProgress<CopyProgress>? progress, CancellationToken cancellationToken) =>
        await volume.Connection.Link.SendAsync(
            new DownloadVolume(volume.StoragePool, volume.Name, Path.GetFullPath(localPath), replace) { Progress = progress },
            cancellationToken);

    /// <summary>Makes a copy of a volume on its host, which needs nothing else.</summary>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: no volume can be called so, or it is not known what the original is. InvalidState: a VM that runs writes to
    /// it. StorageFailed: there is such a volume, or no room.
    /// </exception>
    public static async Task<KumoiVolume> CopyVolumeAsync(
        KumoiVolume volume, string? pool, string name, string? sourceFormat, string? format, CancellationToken cancellationToken)
    {
        EnsureVolumeName(name);
        VMSpecCheck.EnsureName(pool ?? volume.StoragePool, "storage pool");
        var call = new CopyVolume(volume.StoragePool, volume.Name, pool ?? volume.StoragePool, name)
        {
            SourceFormat = sourceFormat,
            Format = format,
        };
        return new KumoiVolume(volume.Connection, await volume.Connection.Link.SendAsync(call, cancellationToken), DateTimeOffset.UtcNow);
    }

    /// <summary>Makes a volume that no VM uses bigger.</summary>
    public static async Task<KumoiVolume> ResizeVolumeAsync(KumoiVolume volume, long bytes, CancellationToken cancellationToken) => new(
        volume.Connection,
        await volume.Connection.Link.SendAsync(new ResizeVolume(volume.StoragePool, volume.Name, bytes), cancellationToken),
        DateTimeOffset.UtcNow);

    /// <summary>Deletes a volume that nobody uses. One that is gone is fine.</summary>
    public static async Task RemoveVolumeAsync(KumoiVolume volume, CancellationToken cancellationToken) =>
        await volume.Connection.Link.SendAsync(new RemoveVolume(volume.StoragePool, volume.Name), cancellationToken);

    /// <summary>Fails for what cannot be a volume's name.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.InvalidSpecification"/>.</exception>
    public static void EnsureVolumeName(string name)
    {
        VMSpecCheck.EnsureName(name, "volume");
        if (name.Contains('/', StringComparison.Ordinal) || name[0] is '.')
        {
            throw new HypervisorException(
                $"'{name}' is no name for a volume.", FaultDomain.VM, error: HypervisorError.InvalidSpecification,
                recommendedAction: "Give a name without '/', which does not begin with a '.'.");
        }
    }
}
