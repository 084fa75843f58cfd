using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>What can be done with the disks of VMs.</summary>
public static class VMDisks
{
    /// <summary>The disks and drives of a VM, as they are now; of a VM that is off, as they will be.</summary>
    public static async Task<IReadOnlyList<KumoiDisk>> ReadAsync(KumoiVM vm, CancellationToken cancellationToken)
    {
        var readings = await vm.Connection.Link.SendAsync(new ReadDisks(vm.Id), cancellationToken);
        var now = DateTimeOffset.UtcNow;
        return [.. readings.Select(reading => new KumoiDisk(vm, reading, now))];
    }

    /// <summary>Gives a VM a disk: at once if it is not off, and in its definition. A new volume goes again if that fails.</summary>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: the paths and names cannot be such. InvalidState: another VM uses the image, or it is built on. StorageFailed:
    /// the image is missing, a volume of that name exists, or there is no such storage pool.
    /// </exception>
    public static async Task<KumoiDisk> AddAsync(KumoiVM vm, DiskAddition disk, CancellationToken cancellationToken)
    {
        EnsurePath(disk.Path, "image");
        if (disk.VolumeName is { } name)
        {
            HostStorage.EnsureVolumeName(name);
        }

        VMSpecCheck.EnsureName(disk.StoragePool, "storage pool");
        if ((disk.Path is null) == (disk.NewVolumeBytes is null) || disk.NewVolumeBytes <= 0)
        {
            throw Invalid("A disk is an existing image (its path), or a new volume (its size).", "Give one of them.");
        }

        if (disk is { NewVolumeBytes: not null, IsReadOnly: true })
        {
            throw Invalid(
                "A new volume is empty: as a read-only disk it would be of no use.",
                "Leave out -ReadOnly, or give the path of an image.");
        }

        var added = await vm.Connection.Link.SendAsync(new AddDisk(vm.Id, disk), cancellationToken);
        return new KumoiDisk(vm, added, DateTimeOffset.UtcNow);
    }

    /// <summary>
    /// Takes a disk away from its VM, and with <paramref name="deleteVolume"/> deletes its image if nobody else uses it. The guest of a VM
    /// that runs must let go of it.
    /// </summary>
    public static async Task RemoveAsync(KumoiDisk disk, bool deleteVolume, CancellationToken cancellationToken) =>
        await disk.Of.Connection.Link.SendAsync(new RemoveDisk(disk.Of.Id, disk.Target, disk.Path, deleteVolume), cancellationToken);

    /// <summary>Makes a disk bigger.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: it would become smaller.</exception>
    public static async Task<KumoiDisk> ResizeAsync(KumoiDisk disk, long bytes, CancellationToken cancellationToken) => new(
        disk.Of,
        await disk.Of.Connection.Link.SendAsync(new ResizeDisk(disk.Of.Id, disk.Target, disk.Path, bytes), cancellationToken),
        DateTimeOffset.UtcNow);

    /// <summary>Changes settings of a disk.</summary>
    /// <exception cref="HypervisorException">InvalidState: it can be changed of a VM that is off, and this one is not.</exception>
    public static async Task<KumoiDisk> SetAsync(KumoiDisk disk, DiskSettings settings, CancellationToken cancellationToken) => new(
        disk.Of,
        await disk.Of.Connection.Link.SendAsync(new SetDisk(disk.Of.Id, disk.Target, disk.Path, settings), cancellationToken),
        DateTimeOffset.UtcNow);

    /// <summary>Puts a disc into a CD drive, or, without a path, takes it out. Returns what was in it before.</summary>
    /// <exception cref="HypervisorException">DiskNotFound: the VM has no such drive. StorageFailed: the image is missing.</exception>
    public static async Task<string?> SetCdDriveAsync(
        KumoiVM vm, string? target, string? path, bool force, CancellationToken cancellationToken)
    {
        EnsurePath(path, "disc's image");
        var before = (await ReadAsync(vm, cancellationToken))
            .FirstOrDefault(disk => disk.Device is DiskDevice.CdDrive && (target is null || disk.Target == target));
        await vm.Connection.Link.SendAsync(new SetCdDrive(vm.Id, target, path, force), cancellationToken);
        return before?.Path;
    }

    private static void EnsurePath(string? path, string what)
    {
        if (path is null)
        {
            return;
        }

        VMSpecCheck.EnsureText(path, $"The path of the {what}");
        if (!path.StartsWith('/'))
        {
            throw Invalid($"'{path}' is no path on the host.", "Give the whole path, which begins with '/'.");
        }
    }

    private static HypervisorException Invalid(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: action);
}
