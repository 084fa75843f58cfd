using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

internal static unsafe partial class NativeTypedParameters
{
    /// <summary>Frees parameters that libvirt allocated, with their strings.</summary>
    public static void Free(VirTypedParameter* parameters, int count) => virTypedParamsFree(parameters, count);

    /// <summary>
    /// Frees any block that libvirt allocated: virTypedParamsFree with no elements is libvirt's own free(), which also is the
    /// right one where the library has another C runtime than this process (Windows).
    /// </summary>
    public static void Free(void* block) => virTypedParamsFree((VirTypedParameter*)block, 0);

    [LibraryImport(LibvirtLibrary.Name)]
    private static partial void virTypedParamsFree(VirTypedParameter* parameters, int count);
}
