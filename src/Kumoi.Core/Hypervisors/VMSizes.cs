using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>CPUs and memory of a VM, and how many it can be given while it runs.</summary>
/// <param name="CpuCount">It has now; of a VM that is off, at its next start.</param>
/// <param name="MaxCpuCount">It can be given.</param>
/// <param name="MemoryBytes">As <paramref name="CpuCount"/>: what the balloon leaves to the guest.</param>
/// <param name="MaxMemoryBytes">It can be given.</param>
public sealed record VMSizes(int CpuCount, int MaxCpuCount, long MemoryBytes, long MaxMemoryBytes)
{
    /// <summary>Not known.</summary>
    public VMSizes()
        : this(0, 0, 0, 0)
    {
    }

    /// <summary>As domain XML has them (https://libvirt.org/formatdomain.html).</summary>
    internal static VMSizes Of(XElement domain)
    {
        var most = (int?)domain.Element("vcpu") ?? 1;
        var memory = DomainDefinition.MemoryBytes(domain);
        return new(
            (int?)domain.Element("vcpu")?.Attribute("current") ?? most, most,
            ScaledInteger.Read(domain.Element("currentMemory"), ScaledInteger.KiB) ?? memory, memory);
    }

    /// <summary>What a VM that runs is to be given must be possible while it runs.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: it cannot have so many.</exception>
    internal void EnsureFits(string vm, int? cpuCount, long? memoryBytes)
    {
        if (cpuCount > MaxCpuCount)
        {
            throw TooMuch($"'{vm}' can have {MaxCpuCount} CPUs while it runs, not {cpuCount}", "-MaxCpuCount");
        }

        if (memoryBytes > MaxMemoryBytes)
        {
            throw TooMuch(
                $"'{vm}' can have {MaxMemoryBytes >> 20} MiB of memory while it runs, not {memoryBytes >> 20}", "-MaxMemoryBytes");
        }
    }

    /// <summary>What it is to have must not be more than what it can be given.</summary>
    /// <exception cref="HypervisorException">InvalidSpecification: it is more.</exception>
    internal void EnsureSound(string vm)
    {
        if (CpuCount > MaxCpuCount || MemoryBytes > MaxMemoryBytes)
        {
            throw new HypervisorException(
                CpuCount > MaxCpuCount ? $"'{vm}' cannot have {CpuCount} CPUs of at most {MaxCpuCount}."
                    : $"'{vm}' cannot have {MemoryBytes >> 20} MiB of memory of at most {MaxMemoryBytes >> 20}.",
                FaultDomain.VM, error: HypervisorError.InvalidSpecification,
                recommendedAction: "Give both, the number and its maximum: -CpuCount and -MaxCpuCount, or -MemoryBytes and "
                    + "-MaxMemoryBytes.");
        }
    }

    private static HypervisorException TooMuch(string message, string parameter) => new(
        message + ".", FaultDomain.VM, error: HypervisorError.InvalidSpecification,
        recommendedAction: $"Give it fewer; or set {parameter}, and stop it and start it again: that holds from its next start on.");
}
