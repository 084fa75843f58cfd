using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// What libvirt's errors mean to callers: by number, origin and what the call was for; by text only where those cannot tell
/// (<see cref="HostLacks"/>). Source: libvirt-virterror (https://libvirt.org/html/libvirt-virterror.html).
/// </summary>
internal static class LibvirtErrors
{
    // errno of Linux, then of macOS; the sets do not clash for sockets.
    private static readonly int[] NetworkErrors = [101, 110, 113, 51, 60, 65]; // ENETUNREACH, ETIMEDOUT, EHOSTUNREACH
    private static readonly int[] Refusals = [2, 111, 61, 101, 113, 51, 65]; // ENOENT (a socket), ECONNREFUSED, ENETUNREACH, EHOSTUNREACH
    private static readonly int[] PermissionErrors = [1, 13]; // EPERM, EACCES

    /// <summary>The exception for an error.</summary>
    /// <param name="failure">libvirt's error.</param>
    /// <param name="action">What failed, to follow "Cannot": such as <c>start VM 'web' on kvm1</c>.</param>
    /// <param name="kind">What the call was for.</param>
    /// <param name="loss">Why the connection is gone; null while it is alive.</param>
    public static HypervisorException ToException(LibvirtFailure failure, string action, CallKind kind, ConnectionLoss? loss)
    {
        var meaning = kind == CallKind.Connect ? OfOpening(failure) : loss is { } reason ? OfLoss(reason) : OfCall(failure);
        return new HypervisorException(
            $"Cannot {action}: {failure.Message.TrimEnd('.', ' ', '\n')}.",
            meaning.Domain,
            meaning.IsTransient,
            outcomeUnknown: kind == CallKind.Write && loss is not null,
            meaning.Error,
            (int)failure.Code,
            meaning.Advice)
        {
            IsRefusal = kind is CallKind.Connect && failure.Code is LibvirtCode.SystemError && Refusals.Contains(failure.SystemError),
        };
    }

    /// <summary>The exception for work whose link was closed, before it began or under it.</summary>
    public static HypervisorException Closed(bool outcomeUnknown, ObjectDisposedException? cause = null) => new(
        "The connection to the host was closed while a call waited for it.",
        FaultDomain.Host,
        isTransient: true,
        outcomeUnknown,
        HypervisorError.ConnectionFailed,
        recommendedAction: "Try again; if the host was disconnected on purpose, connect it first (Connect-KumoiHost).",
        innerException: cause);

    private static Meaning OfLoss(ConnectionLoss loss) => new(
        HypervisorError.ConnectionFailed,
        loss == ConnectionLoss.KeepAlive ? FaultDomain.Network : FaultDomain.Host,
        IsTransient: true,
        "The connection to the host was lost. Check that the host is up and its libvirt daemon runs, and try again.");

    private static Meaning OfOpening(LibvirtFailure failure) => SshFailures.Find(failure.Message) is { } reason
        ? new(reason.Error, reason.Domain, IsTransient: false, reason.Advice)
        : OfOpeningCode(failure);

    private static Meaning OfOpeningCode(LibvirtFailure failure) => failure.Code switch
    {
        LibvirtCode.AuthenticationFailed
            or LibvirtCode.AuthenticationCancelled
            or LibvirtCode.AuthenticationUnavailable
            or LibvirtCode.AccessDenied
            or LibvirtCode.OperationDenied
            or LibvirtCode.GnuTls => NotAuthenticated,
        LibvirtCode.SystemError when PermissionErrors.Contains(failure.SystemError) => NotAuthenticated,
        LibvirtCode.NoConnect or LibvirtCode.InvalidArgument => new(
            HypervisorError.InvalidUri,
            FaultDomain.Unknown,
            IsTransient: false,
            "Check the URI: this libvirt has no driver or transport for it. Examples: qemu:///system, qemu+tls://host/system."),
        LibvirtCode.XmlError or LibvirtCode.XmlDetail => new(
            HypervisorError.InvalidUri, FaultDomain.Unknown, IsTransient: false, "Check the file that the test:/// URI names."),
        LibvirtCode.UnknownHost => new(
            HypervisorError.ConnectionFailed, FaultDomain.Network, IsTransient: false, SshFailures.NameAdvice),
        LibvirtCode.SystemError when NetworkErrors.Contains(failure.SystemError) => new(
            HypervisorError.ConnectionFailed,
            FaultDomain.Network,
            IsTransient: true,
            "The host cannot be reached. Check that it is up, and the network and firewalls on the way."),
        _ => new(
            HypervisorError.ConnectionFailed,
            FaultDomain.Host,
            IsTransient: true,
            "Check that the host is up, that its libvirt daemon runs (libvirtd or virtqemud), and that it listens where the URI says."),
    };

    private static readonly Meaning NotAuthenticated = new(
        HypervisorError.AuthenticationFailed,
        FaultDomain.Host,
        IsTransient: false,
        "Give this user access to libvirt on that host: membership in group 'libvirt', an ssh key, a TLS certificate, a Kerberos "
        + "ticket, or libvirt's auth.conf. Nobody is asked for a password here.");

    private static Meaning OfCall(LibvirtFailure failure) =>
        failure.Origin is not (LibvirtOrigin.Storage or LibvirtOrigin.Network) && HostLacks.Find(failure) is { } lack
            ? new(lack.Error, FaultDomain.Host, IsTransient: false, lack.Advice)
            : OfCode(failure);

    private static Meaning OfCode(LibvirtFailure failure) => failure.Code switch
    {
        // Before the single codes: whatever the storage part complains of is a fault of the storage.
        LibvirtCode.InternalError
            or LibvirtCode.OperationFailed
            or LibvirtCode.OperationInvalid
            or LibvirtCode.SystemError when failure.Origin == LibvirtOrigin.Storage => OfStorage(
                "Check the storage pool and the disk images on that host."),

        LibvirtCode.NoDomain => new(
            HypervisorError.VMNotFound, FaultDomain.VM, IsTransient: false, "The VM was removed or moved. Read the fleet again."),
        LibvirtCode.NoSnapshot or LibvirtCode.InvalidSnapshot => new(
            HypervisorError.SnapshotNotFound, FaultDomain.VM, IsTransient: false,
            "The snapshot was removed or renamed. Read the snapshots again with Get-KumoiSnapshot."),
        LibvirtCode.SnapshotRevertRisky => new(
            HypervisorError.InvalidState, FaultDomain.VM, IsTransient: false,
            "The VM as it is now does not fit the snapshot. Turn it off with Stop-KumoiVM -TurnOff, and restore again."),
        LibvirtCode.DomainExists => new(
            HypervisorError.VMExists, FaultDomain.VM, IsTransient: false, "Choose another name, or remove the other VM first."),
        LibvirtCode.XmlError
            or LibvirtCode.XmlDetail
            or LibvirtCode.InvalidSchema
            or LibvirtCode.ConfigurationUnsupported
            or LibvirtCode.OSType
            or LibvirtCode.NoName
            or LibvirtCode.NoOS
            or LibvirtCode.NoDevice
            or LibvirtCode.Overflow
            or LibvirtCode.InvalidArgument => new(
                HypervisorError.InvalidSpecification,
                FaultDomain.VM,
                IsTransient: false,
                "Correct the specification; the hypervisor's message says what it does not accept."),

        LibvirtCode.OperationInvalid when failure.Origin == LibvirtOrigin.Network => NoNetwork,
        LibvirtCode.NoNetwork or LibvirtCode.InvalidNetwork => NoNetwork,
        LibvirtCode.OperationInvalid => new(
            HypervisorError.InvalidState, FaultDomain.VM, IsTransient: false, "Check the VM's state: it does not allow this now."),
        LibvirtCode.MigrateUnsafe => new(
            HypervisorError.InvalidState,
            FaultDomain.VM,
            IsTransient: false,
            "The VM has a writable disk that the hypervisor does not know to be shared. Use shared storage, or, if it is, allow the "
            + "unsafe migration."),
        LibvirtCode.AgentUnresponsive => new(
            HypervisorError.TimedOut, FaultDomain.VM, IsTransient: true, "Check the guest agent in the VM."),

        // In practice always the domain's job lock: another job runs on that VM.
        LibvirtCode.OperationTimeout => new(
            HypervisorError.TimedOut,
            FaultDomain.VM,
            IsTransient: true,
            "Another job runs on the VM. Try again when it is over. If it never ends, and libvirt's daemon was killed on "
                + "that host, libvirt "
            + "waits for a job that it has lost: restart the host."),
        LibvirtCode.OperationAborted => new(HypervisorError.Aborted, FaultDomain.Unknown, IsTransient: false, Advice: null),

        LibvirtCode.NoSupport
            or LibvirtCode.OperationUnsupported
            or LibvirtCode.ArgumentUnsupported => new(
                HypervisorError.NotSupported, FaultDomain.Host, IsTransient: false, "This host's hypervisor cannot do that."),
        LibvirtCode.CpuIncompatible => new(
            HypervisorError.NotSupported, FaultDomain.Host, IsTransient: false,
            "The host's CPU lacks what the VM needs; use another host."),

        LibvirtCode.NoStoragePool or LibvirtCode.InvalidStoragePool => OfStorage("Create and start the storage pool on that host."),
        LibvirtCode.NoStorageVolume
            or LibvirtCode.InvalidStorageVolume
            or LibvirtCode.StorageProbeFailed => OfStorage("Check the volume in its storage pool on that host."),
        LibvirtCode.StorageVolumeExists => OfStorage("Remove the volume of that name, or choose another name for the VM."),

        LibvirtCode.NoMemory => new(
            HypervisorError.ResourceUnavailable, FaultDomain.Host, IsTransient: false, "The host is short of memory; use another host."),
        LibvirtCode.ResourceBusy => new(
            HypervisorError.ResourceUnavailable, FaultDomain.Host, IsTransient: true, "What the call needs is in use. Try again."),
        LibvirtCode.DeviceMissing => new(
            HypervisorError.ResourceUnavailable, FaultDomain.Host, IsTransient: false, "The host lacks a device that the VM needs."),

        LibvirtCode.AuthenticationFailed
            or LibvirtCode.AccessDenied
            or LibvirtCode.OperationDenied => NotAuthenticated,
        LibvirtCode.InvalidConnection => OfLoss(ConnectionLoss.Error),

        // QEMU's own words for an image that is not there.
        LibvirtCode.InternalError when failure.Message.Contains("Could not open '", StringComparison.Ordinal)
            || failure.Message.Contains("Failed to get \"write\" lock", StringComparison.Ordinal) => OfStorage(
                "Check that the image is there, and that no other VM uses it."),

        // Such as "process exited while connecting to monitor": the image, the host or the VM may be at fault, so the nearest
        // lineage answers.
        _ => new(HypervisorError.Other, FaultDomain.Unknown, IsTransient: false, "See the hypervisor's log on that host."),
    };

    private static readonly Meaning NoNetwork = new(
        HypervisorError.ResourceUnavailable,
        FaultDomain.Host,
        IsTransient: false,
        "Create and start the virtual network on that host (Get-KumoiNetwork shows what is there).");

    private static Meaning OfStorage(string advice) =>
        new(HypervisorError.StorageFailed, FaultDomain.Storage, IsTransient: false, advice);

    private readonly record struct Meaning(HypervisorError Error, FaultDomain Domain, bool IsTransient, string? Advice);
}
