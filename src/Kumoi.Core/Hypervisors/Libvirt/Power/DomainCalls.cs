using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Power;

/// <summary>The changes of a VM that are one call of libvirt-domain each. They block.</summary>
internal static unsafe class DomainCalls
{
    private const int SuspendedByGuest = 7; // VIR_DOMAIN_PMSUSPENDED
    private const uint StartPaused = 1; // VIR_DOMAIN_START_PAUSED
    private const uint SecureXml = 1 << 0; // VIR_DOMAIN_XML_SECURE
    private const uint InactiveXml = 1 << 1; // VIR_DOMAIN_XML_INACTIVE
    private const uint MigratableXml = 1 << 3; // VIR_DOMAIN_XML_MIGRATABLE

    /// <summary>libvirt-domain: virDomainGetXMLDesc.</summary>
    public static string ReadXml(LibvirtConnection connection, DomainHandle domain) => ReadXml(connection, domain, 0);

    /// <summary>
    /// libvirt-domain: virDomainGetXMLDesc, as it would go to another host: without what this host's configuration added. The live one
    /// where the driver has no other.
    /// </summary>
    public static string ReadMigratable(LibvirtConnection connection, DomainHandle domain) =>
        NativeString.Take(NativeDomain.virDomainGetXMLDesc(domain, MigratableXml)) ?? ReadXml(connection, domain);

    /// <summary>As it is sent to another host, with secrets (libvirt-domain: virDomainGetXMLDesc).</summary>
    public static string ReadSent(LibvirtConnection connection, DomainHandle domain) =>
        ReadXml(connection, domain, SecureXml | MigratableXml);

    /// <summary>libvirt-domain: virDomainGetXMLDesc, of the next start, with secrets.</summary>
    public static string ReadDefinition(LibvirtConnection connection, DomainHandle domain) =>
        ReadXml(connection, domain, SecureXml | InactiveXml);

    /// <summary>libvirt-domain: virDomainCreateWithFlags.</summary>
    public static void Start(LibvirtConnection connection, DomainHandle domain, bool paused)
    {
        var result = NativeDomain.virDomainCreateWithFlags(domain, paused ? StartPaused : 0);
        if (paused && result != 0 && NativeError.Last() is { Code: LibvirtCode.InvalidArgument } failure)
        {
            // The only argument is the flag. Starting and then suspending would let the guest run for a moment.
            throw connection.ToException(
                failure with { Code = LibvirtCode.ArgumentUnsupported }, $"start VM '{domain.Name}' paused", CallKind.Read);
        }

        Check(connection, domain, "start", result);
    }

    /// <summary>libvirt-domain: virDomainShutdown.</summary>
    public static void Shutdown(LibvirtConnection connection, DomainHandle domain) =>
        Check(connection, domain, "shut down", NativeDomain.virDomainShutdown(domain));

    /// <summary>libvirt-domain: virDomainDestroy.</summary>
    public static void Destroy(LibvirtConnection connection, DomainHandle domain) =>
        Check(connection, domain, "stop", NativeDomain.virDomainDestroy(domain));

    /// <summary>libvirt-domain: virDomainReboot.</summary>
    public static void Reboot(LibvirtConnection connection, DomainHandle domain) =>
        Check(connection, domain, "reboot", NativeDomain.virDomainReboot(domain, 0));

    /// <summary>libvirt-domain: virDomainReset.</summary>
    public static void Reset(LibvirtConnection connection, DomainHandle domain) =>
        Check(connection, domain, "reset", NativeDomain.virDomainReset(domain, 0));

    /// <summary>libvirt-domain: virDomainSuspend.</summary>
    public static void Suspend(LibvirtConnection connection, DomainHandle domain) =>
        Check(connection, domain, "suspend", NativeDomain.virDomainSuspend(domain));

    /// <summary>libvirt-domain: virDomainResume; of a VM whose guest has suspended itself, which that refuses, virDomainPMWakeup.</summary>
    public static void Resume(LibvirtConnection connection, DomainHandle domain)
    {
        if (NativeDomain.virDomainResume(domain) == 0)
        {
            return;
        }

        // Before anything else is asked of libvirt: the next call overwrites the error.
        var failure = NativeError.Last();
        int state;
        int reason;
        if (NativeDomain.virDomainGetState(domain, &state, &reason, 0) != 0 || state != SuspendedByGuest)
        {
            throw connection.ToException(failure, $"resume VM '{domain.Name}'", CallKind.Write);
        }

        Check(connection, domain, "wake up", NativeDomain.virDomainPMWakeup(domain, 0));
    }

    private static string ReadXml(LibvirtConnection connection, DomainHandle domain, uint flags) =>
        NativeString.Take(NativeDomain.virDomainGetXMLDesc(domain, flags))
            ?? throw connection.Failed($"read the XML of VM '{domain.Name}'");

    private static void Check(LibvirtConnection connection, DomainHandle domain, string verb, int result)
    {
        if (result != 0)
        {
            // Before anything else is asked of libvirt: the next call overwrites the error.
            var failure = NativeError.Last();
            throw connection.ToException(failure, $"{verb} VM '{domain.Name}'", CallKind.Write);
        }

        connection.NoteChange();
    }
}
