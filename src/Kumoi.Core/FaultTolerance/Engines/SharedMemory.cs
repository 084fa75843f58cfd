using System.IO.MemoryMappedFiles;
using System.Text.Json.Nodes;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>
/// The memory of a VM whose definition has it in a file (memoryBacking: source 'file', access 'shared'), as this computer sees that file.
/// </summary>
internal sealed class SharedMemory : IDisposable
{
    public const int PageBytes = 4096;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly unsafe byte* _start;

    /// <summary>Opens it.</summary>
    /// <exception cref="IOException">There is no such file, or it cannot be opened.</exception>
    public unsafe SharedMemory(string path)
    {
        Bytes = new FileInfo(path).Length;
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open);
        _view = _file.CreateViewAccessor();
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    public long Bytes { get; }

    public int Pages => (int)(Bytes / PageBytes);

    /// <summary>Finds it by what QEMU says.</summary>
    /// <param name="host">Where the VM is.</param>
    /// <param name="domain">The VM.</param>
    /// <param name="root">Where this computer sees the host's files.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="HypervisorException">Its memory is not in one file that is shared, or that file is not seen here.</exception>
    public static async Task<SharedMemory> OpenAsync(
        IHypervisorLink host, Guid domain, string root, CancellationToken cancellationToken)
    {
        var objects = await host.SendAsync(
            new QemuCommand(domain, "qom-list", new JsonObject { ["path"] = "/objects" }), cancellationToken);
        var files = objects.EnumerateArray()
            .Where(static found => found.GetProperty("type").GetString() is "child<memory-backend-file>")
            .Select(static found => found.GetProperty("name").GetString()).ToList();
        if (files is not [{ } file])
        {
            throw new HypervisorException(
                "The VM's memory is not in one shared file.", FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Write <memoryBacking><source type='file'/><access mode='shared'/></memoryBacking> into its definition, "
                    + "and start it anew.");
        }

        var path = await host.SendAsync(
            new QemuCommand(domain, "qom-get", new JsonObject { ["path"] = "/objects/" + file, ["property"] = "mem-path" }),
            cancellationToken);
        try
        {
            return new SharedMemory(root + path.GetString());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HypervisorException(
                $"This computer does not see the VM's memory on {host.HostName}: {e.Message}", FaultDomain.Storage,
                error: HypervisorError.NotSupported, recommendedAction: "Take another engine.", innerException: e);
        }
    }

    public unsafe ReadOnlySpan<byte> Page(int number) => new(_start + ((long)number * PageBytes), PageBytes);

    public unsafe void Write(int number, ReadOnlySpan<byte> page) =>
        page.CopyTo(new Span<byte>(_start + ((long)number * PageBytes), PageBytes));

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
