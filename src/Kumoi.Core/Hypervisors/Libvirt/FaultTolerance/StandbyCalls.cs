using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.FaultTolerance;

/// <summary>Calls that make and remove standbys. They block.</summary>
internal static unsafe class StandbyCalls
{
    private const int MetadataElement = 2; // VIR_DOMAIN_METADATA_ELEMENT
    private const uint StartPaused = 1; // VIR_DOMAIN_START_PAUSED

    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, StartStandby call, CancellationToken token) =>
            host.RunJobAsync(connection => Start(connection, call)).WaitAsync(token))
        .Add(static (LibvirtLink host, RemoveStandby call, CancellationToken token) =>
            host.RunJobAsync(connection => Remove(connection, call)).WaitAsync(token));

    /// <summary>libvirt-domain: virDomainCreateXML.</summary>
    private static Done Start(LibvirtConnection connection, StartStandby call)
    {
        var domain = NativeDomain.virDomainCreateXML(connection.Handle, call.Definition, StartPaused);
        if (domain == 0)
        {
            throw connection.Failed("start a standby", CallKind.Write);
        }

        _ = NativeDomain.virDomainFree(domain);
        return default;
    }

    /// <summary>libvirt-domain: virDomainDestroy of a domain that is marked.</summary>
    private static Done Remove(LibvirtConnection connection, RemoveStandby call)
    {
        using var domain = connection.FindDomain(call.Id);
        if (domain is null)
        {
            return default;
        }

        var mark = NativeString.Take(NativeDomain.virDomainGetMetadata(domain, MetadataElement, StandbyMark.Namespace, 0));
        if (mark is null || !StandbyMark.IsOf(call.VM, SafeXml.Parse(mark)))
        {
            throw new HypervisorException(
                $"The VM '{domain.Name}' on {connection.Label} is not marked as a standby of a pair, and was left alone.",
                FaultDomain.VM, error: HypervisorError.VMExists,
                recommendedAction: "See what it is (Get-KumoiVM), and remove it if it is not needed.");
        }

        if (NativeDomain.virDomainDestroy(domain) != 0
            && NativeError.Last() is var failure and not { Code: LibvirtCode.OperationInvalid or LibvirtCode.NoDomain })
        {
            throw connection.ToException(failure, $"stop the standby '{domain.Name}'", CallKind.Write);
        }

        return default;
    }
}
