using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>
/// The phases of libvirt's migration protocol, version 3, which its own migrate calls are made of (src/libvirt-domain.c:
/// virDomainMigrateVersion3Full tells their order). The library exports them for its own daemons, under a version node of its own: the
/// plain name finds them, but nothing promises that they stay, so <see cref="Require"/> comes first. They are calls of the wire protocol,
/// which is promised, and unchanged since libvirt 1.1.0. Cookies are blocks of libvirt's malloc.
/// </summary>
internal static unsafe partial class NativeMigrationPhases
{
    private static readonly string[] Names =
    [
        nameof(virDomainMigrateBegin3Params),
        nameof(virDomainMigratePrepare3Params),
        nameof(virDomainMigratePerform3Params),
        nameof(virDomainMigrateFinish3Params),
        nameof(virDomainMigrateConfirm3Params),
    ];

    /// <summary>Looks whether this libvirt has them.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.NotSupported"/>: it does not.</exception>
    public static void Require()
    {
        LibvirtLibrary.EnsureReady();
        if (Names.FirstOrDefault(static name => !LibvirtLibrary.Exports(name)) is { } missing)
        {
            throw new HypervisorException(
                $"The phases of a migration cannot be driven from here: this computer's libvirt does not export {missing}.",
                FaultDomain.Unknown,
                error: HypervisorError.NotSupported,
                recommendedAction: "Use another build of libvirt's client library (1.1.0 or newer, as of Debian), or migrate "
                    + "without speculation.");
        }
    }

    /// <summary>On the source. Returns the domain XML to prepare, or null.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virDomainMigrateBegin3Params(
        DomainHandle domain, VirTypedParameter* parameters, int count, byte** cookieOut, int* cookieOutLength, uint flags);

    /// <summary>On the target. <paramref name="uriOut"/>: where it waits for the stream.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainMigratePrepare3Params(
        ConnectionHandle target,
        VirTypedParameter* parameters,
        int count,
        byte* cookie,
        int cookieLength,
        byte** cookieOut,
        int* cookieOutLength,
        byte** uriOut,
        uint flags);

    /// <summary>On the source: sends the VM.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainMigratePerform3Params(
        DomainHandle domain,
        byte* peerUri,
        VirTypedParameter* parameters,
        int count,
        byte* cookie,
        int cookieLength,
        byte** cookieOut,
        int* cookieOutLength,
        uint flags);

    /// <summary>On the target: lets the VM run, or, if cancelled, destroys it. Returns the domain, or 0; always 0 if cancelled.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial nint virDomainMigrateFinish3Params(
        ConnectionHandle target,
        VirTypedParameter* parameters,
        int count,
        byte* cookie,
        int cookieLength,
        byte** cookieOut,
        int* cookieOutLength,
        uint flags,
        int cancelled);

    /// <summary>On the source: destroys the VM, or, if cancelled, lets it go on.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainMigrateConfirm3Params(
        DomainHandle domain, VirTypedParameter* parameters, int count, byte* cookie, int cookieLength, uint flags, int cancelled);
}
