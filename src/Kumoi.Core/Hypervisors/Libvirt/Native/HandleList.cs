using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>Handles that are released together, also where the work on one of them fails.</summary>
internal sealed class HandleList<T> : List<T>, IDisposable
    where T : SafeHandle
{
    public void Dispose() => ForEach(static handle => handle.Dispose());
}
