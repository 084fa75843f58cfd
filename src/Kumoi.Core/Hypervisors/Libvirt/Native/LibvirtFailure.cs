namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>A copy of libvirt's last error. <see cref="SystemError"/> is the errno with <see cref="LibvirtCode.SystemError"/>.</summary>
internal readonly record struct LibvirtFailure(LibvirtCode Code, LibvirtOrigin Origin, int SystemError, string Message);
