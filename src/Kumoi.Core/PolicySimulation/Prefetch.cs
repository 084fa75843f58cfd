using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Kumoi.PolicySimulation;

/// <summary>
/// Asks the processor for memory that will be needed soon. The state of 100,000 hosts is larger than its caches: who waits for each
/// random VM or host spends most of the time on that. Where the processor cannot be asked, nothing happens but that.
/// </summary>
internal static class Prefetch
{
    public static unsafe void Item<T>(T[] items, int index)
    {
        if (Sse.IsSupported)
        {
            // The address is never read through: if the collector moves the array, only the hint is lost.
            Sse.Prefetch0(Unsafe.AsPointer(ref items[index]));
        }
    }
}
