using System.Runtime.InteropServices;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using static Kumoi.Hypervisors.Libvirt.Definitions.DeviceChange;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>CPUs and memory of a VM. Its methods block.</summary>
internal static class VMSize
{
    // VIR_DOMAIN_VCPU_MAXIMUM and VIR_DOMAIN_MEM_MAXIMUM, which are the same.
    private const uint Maximum = 1 << 2;

    /// <summary>
    /// libvirt-domain: virDomainSetVcpusFlags, virDomainSetMemoryFlags. First what runs, where a guest may refuse, then the definition; of
    /// that the CPUs first, which one with a topology refuses. What was done is set back where the next is refused, as memory is by one
    /// with NUMA cells.
    /// </summary>
    /// <returns>
    /// What it had before: the CPUs that it runs with, and of its definition the memory, which a guest may not have given back yet, and the
    /// maxima.
    /// </returns>
    public static VMSizes Set(LibvirtConnection connection, ResizeVM call)
    {
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = ReadBoth(connection, domain);
        var running = now is null ? null : VMSizes.Of(now);
        var defined = definition is null ? null : VMSizes.Of(definition);
        running?.EnsureFits(domain.Name, call.CpuCount, call.MemoryBytes);
        var wanted = defined is null ? null : call.Apply(defined, isOff: running is null);
        wanted?.EnsureSound(domain.Name);
        if (wanted is null && (call.MaxCpuCount ?? call.MaxMemoryBytes) is not null)
        {
            throw new HypervisorException(
                $"'{domain.Name}' has no definition, and no next start to have another maximum from.", FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: "Leave out -MaxCpuCount and -MaxMemoryBytes.");
        }

        Stack<Action> undo = [];
        try
        {
            if (running is not null)
            {
                SetRunning(connection, domain, call, running, undo);
            }

            if (wanted is not null)
            {
                SetDefined(connection, domain, wanted, defined!, undo);
            }
        }
        catch (HypervisorException refusal)
        {
            Undo(undo, refusal);
            throw;
        }

        return new(
            (running ?? defined!).CpuCount, (defined ?? running!).MaxCpuCount, (defined ?? running!).MemoryBytes,
            (defined ?? running!).MaxMemoryBytes);
    }

    private static void SetRunning(
        LibvirtConnection connection, DomainHandle domain, ResizeVM call, VMSizes before, Stack<Action> undo)
    {
        if (call.CpuCount is { } cpus && cpus != before.CpuCount)
        {
            undo.Push(() => SetCpus(connection, domain, before.CpuCount, Now));
            SetCpus(connection, domain, cpus, Now);
        }

        if (call.MemoryBytes is { } bytes && bytes != before.MemoryBytes)
        {
            undo.Push(() => SetMemory(connection, domain, before.MemoryBytes, Now));
            SetMemory(connection, domain, bytes, Now);
        }
    }

    private static void SetDefined(
        LibvirtConnection connection, DomainHandle domain, VMSizes wanted, VMSizes before, Stack<Action> undo)
    {
        if ((wanted.CpuCount, wanted.MaxCpuCount) != (before.CpuCount, before.MaxCpuCount))
        {
            undo.Push(() => SetCpus(connection, domain, before.CpuCount, before.MaxCpuCount));
            SetCpus(connection, domain, wanted.CpuCount, wanted.MaxCpuCount);
        }

        if ((wanted.MemoryBytes, wanted.MaxMemoryBytes) != (before.MemoryBytes, before.MaxMemoryBytes))
        {
            undo.Push(() => SetMemory(connection, domain, before.MemoryBytes, before.MaxMemoryBytes));
            SetMemory(connection, domain, wanted.MemoryBytes, wanted.MaxMemoryBytes);
        }
    }

    /// <summary>The last first. What cannot be set back is told.</summary>
    private static void Undo(Stack<Action> undo, HypervisorException refusal)
    {
        foreach (var back in undo)
        {
            try
            {
                back();
            }
            catch (HypervisorException e)
            {
                throw new HypervisorException(
                    $"{refusal.Message.TrimEnd('.')}. Its CPUs and memory may not be what they were: {e.Message}", refusal.FaultDomain,
                    outcomeUnknown: true, error: refusal.Error, recommendedAction: "Look with Get-KumoiVM.", innerException: refusal);
            }
        }
    }

    private static void SetCpus(LibvirtConnection connection, DomainHandle domain, int count, int most)
    {
        SetCpus(connection, domain, most, InDefinition | Maximum);
        SetCpus(connection, domain, count, InDefinition);
    }

    private static void SetCpus(LibvirtConnection connection, DomainHandle domain, int count, uint flags) => connection.Change(
        NativeDomain.virDomainSetVcpusFlags(domain, (uint)count, flags), $"set the CPUs of VM '{domain.Name}'");

    private static void SetMemory(LibvirtConnection connection, DomainHandle domain, long bytes, long most)
    {
        SetMemory(connection, domain, most, InDefinition | Maximum);
        SetMemory(connection, domain, bytes, InDefinition);
    }

    private static void SetMemory(LibvirtConnection connection, DomainHandle domain, long bytes, uint flags) => connection.Change(
        NativeDomain.virDomainSetMemoryFlags(domain, new CULong((nuint)(((bytes - 1) / 1024) + 1)), flags),
        $"set the memory of VM '{domain.Name}'");
}
