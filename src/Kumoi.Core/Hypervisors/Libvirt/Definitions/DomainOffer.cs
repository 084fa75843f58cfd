using System.Xml;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>Reads what a host offers for new VMs (libvirt-domain: virConnectGetDomainCapabilities). Blocks.</summary>
internal static unsafe class DomainOffer
{
    /// <summary>What machines of new PCs are, where nothing else is asked for.</summary>
    private const string PreferredMachine = "q35";

    /// <summary>For a machine type; null: q35 where the host has it, else its own default.</summary>
    /// <exception cref="HypervisorException">NotSupported, of domain Host: it has no such machine.</exception>
    public static DomainCapabilities Read(LibvirtConnection connection, HostCapabilities host, string? machineType)
    {
        var isPC = host.Architecture is "x86_64" or "i686";
        LibvirtFailure failure = default;
        foreach (var machine in machineType is not null ? [machineType] : isPC ? (string?[])[PreferredMachine, null] : [null])
        {
            var text = NativeString.Take(NativeConnection.virConnectGetDomainCapabilities(
                connection.Handle, emulator: null, host.Architecture, machine, host.DomainType, 0));
            if (text is not null)
            {
                return Parse(connection, text, host);
            }

            failure = NativeError.Last();
            if (failure.Code is LibvirtCode.NoSupport)
            {
                // A hypervisor that does not tell gets machines with nothing that it may not have.
                return new DomainCapabilities
                {
                    DomainType = host.DomainType,
                    Architecture = host.Architecture,
                    OSType = host.OSType,
                    MachineType = machineType ?? "",
                };
            }

            if (failure.Code is not (LibvirtCode.InvalidArgument or LibvirtCode.ConfigurationUnsupported) || connection.Loss is not null)
            {
                break;
            }
        }

        throw machineType is not null && connection.Loss is null
                && failure.Code is LibvirtCode.InvalidArgument or LibvirtCode.ConfigurationUnsupported
            ? new HypervisorException(
                $"{connection.Label} has no machines of type '{machineType}': {failure.Message}", FaultDomain.Host,
                error: HypervisorError.NotSupported, nativeCode: (int)failure.Code,
                recommendedAction: "Leave -MachineType out, or choose another host.")
            : connection.ToException(failure, "read what it offers for VMs", CallKind.Read);
    }

    private static DomainCapabilities Parse(LibvirtConnection connection, string text, HostCapabilities host)
    {
        try
        {
            return DomainCapabilitiesXml.Parse(text, host.OSType);
        }
        catch (XmlException e)
        {
            throw new HypervisorException(
                $"What {connection.Label} offers for VMs cannot be understood: {e.Message}", FaultDomain.Host, innerException: e,
                recommendedAction: "Look at 'virsh domcapabilities' on that host; -Minimal makes a VM without asking for it.");
        }
    }
}
