using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-domain: live migration and its job.</summary>
internal static unsafe partial class NativeMigration
{
    /// <summary>Driven by this client, with a connection to each end. Returns the domain on the target, or 0.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial nint virDomainMigrate3(
        DomainHandle domain, ConnectionHandle target, VirTypedParameter* parameters, uint count, uint flags);

    /// <summary>Driven by the source's daemon, which connects to the target's by itself.</summary>
    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainMigrateToURI3(
        DomainHandle domain, string targetUri, VirTypedParameter* parameters, uint count, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainGetJobStats(
        DomainHandle domain, int* type, VirTypedParameter** parameters, int* count, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainAbortJob(DomainHandle domain);
}
