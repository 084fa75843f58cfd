using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt's last error, which is per thread (libvirt-virterror).</summary>
internal static unsafe partial class NativeError
{
    /// <summary>
    /// Copies the last error of this thread. Call it in the method that made the failing call, before any other call of libvirt
    /// and before any <c>await</c>.
    /// </summary>
    public static LibvirtFailure Last()
    {
        var error = virGetLastError();
        return error == null
            ? new LibvirtFailure(LibvirtCode.InternalError, LibvirtOrigin.None, 0, "libvirt gave no reason")
            : new LibvirtFailure(
                (LibvirtCode)error->Code,
                (LibvirtOrigin)error->Domain,
                error->Int1,
                Marshal.PtrToStringUTF8((nint)error->Message) ?? "libvirt gave no reason");
    }

    /// <summary>libvirt prints errors to stderr unless it is given a function (virterror: virSetErrorFunc).</summary>
    public static void Silence() => virSetErrorFunc(0, &Ignore);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Ignore(nint userData, VirError* error)
    {
    }

    [LibraryImport(LibvirtLibrary.Name)]
    private static partial VirError* virGetLastError();

    [LibraryImport(LibvirtLibrary.Name)]
    private static partial void virSetErrorFunc(nint userData, delegate* unmanaged[Cdecl]<nint, VirError*, void> handler);
}
