using System.Runtime.InteropServices;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>CPUs and memory in the definition of a VM. Its methods block.</summary>
internal static class VMSize
{
    // virDomainModificationImpact, and VIR_DOMAIN_VCPU_MAXIMUM and VIR_DOMAIN_MEM_MAXIMUM, which are the same.
    private const uint InDefinition = 1 << 1;
    private const uint Maximum = 1 << 2;

    /// <summary>
    /// libvirt-domain: virDomainSetVcpusFlags, virDomainSetMemoryFlags. The CPUs first, which a definition with a topology refuses; they
    /// are set back if the memory is refused, as one with NUMA cells does.
    /// </summary>
    public static void Set(LibvirtConnection connection, DomainHandle domain, ResizeVM call)
    {
        if (call.CpuCount is not { } cpus)
        {
            SetMemory(connection, domain, call.MemoryBytes);
            return;
        }

        var most = NativeDomain.virDomainGetVcpusFlags(domain, InDefinition | Maximum);
        var enabled = NativeDomain.virDomainGetVcpusFlags(domain, InDefinition);
        if (most < 0 || enabled < 0)
        {
            throw connection.Failed($"read the CPUs of VM '{domain.Name}'", CallKind.Read);
        }

        try
        {
            SetCpus(connection, domain, cpus, cpus);
            SetMemory(connection, domain, call.MemoryBytes);
        }
        catch (HypervisorException refusal)
        {
            try
            {
                SetCpus(connection, domain, most, enabled);
            }
            catch (HypervisorException e)
            {
                throw new HypervisorException(
                    $"{refusal.Message.TrimEnd('.')}. Its CPUs may not be what they were: {e.Message}", refusal.FaultDomain,
                    outcomeUnknown: true, error: refusal.Error, recommendedAction: "Look with Get-KumoiVM.", innerException: refusal);
            }

            throw;
        }
    }

    private static void SetCpus(LibvirtConnection connection, DomainHandle domain, int most, int enabled)
    {
        if (NativeDomain.virDomainSetVcpusFlags(domain, (uint)most, InDefinition | Maximum) != 0
            || NativeDomain.virDomainSetVcpusFlags(domain, (uint)enabled, InDefinition) != 0)
        {
            throw connection.Failed($"set the CPUs of VM '{domain.Name}'", CallKind.Write);
        }
    }

    private static void SetMemory(LibvirtConnection connection, DomainHandle domain, long? bytes)
    {
        if (bytes is not { } wanted)
        {
            return;
        }

        var kibibytes = new CULong((nuint)(((wanted - 1) / 1024) + 1));
        if (NativeDomain.virDomainSetMemoryFlags(domain, kibibytes, InDefinition | Maximum) != 0
            || NativeDomain.virDomainSetMemoryFlags(domain, kibibytes, InDefinition) != 0)
        {
            throw connection.Failed($"set the memory of VM '{domain.Name}'", CallKind.Write);
        }
    }
}
