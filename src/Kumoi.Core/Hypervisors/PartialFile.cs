using Microsoft.Win32.SafeHandles;

namespace Kumoi.Hypervisors;

/// <summary>
/// A file of this computer that is being written: beside its name, which it gets when it is whole. Failures are of domain VM: no other host
/// helps.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly string _partialPath;
    private readonly bool _replaces;
    private bool _isWhole;

    private PartialFile(SafeFileHandle file, string path, string partialPath, bool replaces)
    {
        _file = file;
        _path = path;
        _partialPath = partialPath;
        _replaces = replaces;
    }

    /// <summary>Begins the file.</summary>
    /// <param name="path">Its name at the end.</param>
    /// <param name="replaces">A file that has that name then is replaced; else that is a failure, now or at the end.</param>
    public static PartialFile Create(string path, bool replaces)
    {
        if (!replaces && Path.Exists(path))
        {
            throw Exists(path);
        }

        return Try(path, () =>
        {
            var partial = Path.Combine(Path.GetDirectoryName(path) ?? "", $".{Guid.NewGuid():N}.kumoi-part");
            return new PartialFile(File.OpenHandle(partial, FileMode.CreateNew, FileAccess.Write), path, partial, replaces);
        });
    }

    public void Write(byte[] data, int count, long offset) => Try(_path, () =>
    {
        RandomAccess.Write(_file, data.AsSpan(0, count), offset);
        return true;
    });

    /// <summary>It has this many bytes, and its name. What was left out is zeros, and takes up no space where the file system can.</summary>
    public void Complete(long length)
    {
        try
        {
            Try(_path, () =>
            {
                RandomAccess.SetLength(_file, length);
                RandomAccess.FlushToDisk(_file);
                _file.Dispose();
                File.Move(_partialPath, _path, _replaces);
                return true;
            });
        }
        catch (HypervisorException) when (!_replaces && Path.Exists(_path))
        {
            throw Exists(_path);
        }

        _isWhole = true;
    }

    /// <summary>Deletes what is not whole.</summary>
    public void Dispose()
    {
        _file.Dispose();
        if (!_isWhole)
        {
            File.Delete(_partialPath);
        }
    }

    private static T Try<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new HypervisorException(
                $"Cannot write '{Visible.Text(path)}': {e.Message}", FaultDomain.VM, error: HypervisorError.InvalidSpecification,
                recommendedAction: "Give a path on this computer where you may write and there is room.", innerException: e);
        }
    }

    private static HypervisorException Exists(string path) => new(
        $"'{Visible.Text(path)}' is there already.", FaultDomain.VM, error: HypervisorError.InvalidSpecification,
        recommendedAction: "Give another path, or -Force to replace it.");
}
