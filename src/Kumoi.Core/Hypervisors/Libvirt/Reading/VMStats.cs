using System.Runtime.InteropServices;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>
/// Decodes a record of bulk statistics (names: libvirt-domain, virConnectGetAllDomainStats). Compares the names in place: a host
/// has tens of thousands of them.
/// </summary>
internal static unsafe class VMStats
{
    public static Guid Id(nint domain)
    {
        byte* uuid = stackalloc byte[NativeDomain.UuidLength];
        return NativeDomain.virDomainGetUUID(domain, uuid) == 0
            ? new Guid(new ReadOnlySpan<byte>(uuid, NativeDomain.UuidLength), bigEndian: true)
            : Guid.Empty;
    }

    /// <summary>Whether the record tells the VM's memory and CPUs.</summary>
    public static bool HasSizes(VirDomainStatsRecord* record)
    {
        var hasMemory = false;
        var hasCpus = false;
        for (var i = 0; i < record->ParameterCount && !(hasMemory && hasCpus); i++)
        {
            var name = NameOf(record, i);
            hasMemory |= name.SequenceEqual("balloon.maximum"u8);
            hasCpus |= name.SequenceEqual("vcpu.current"u8) || name.SequenceEqual("vcpu.maximum"u8);
        }

        return hasMemory && hasCpus;
    }

    /// <summary>One VM; what nobody tells is zero.</summary>
    /// <param name="record">The statistics; may be empty.</param>
    /// <param name="id">The VM's id.</param>
    /// <param name="at">When it was asked for.</param>
    /// <param name="traits">What they do not tell.</param>
    /// <param name="info">Where the statistics lack the sizes; else null.</param>
    /// <param name="cpu">The samples of the VMs of this host.</param>
    public static VMReading Decode(
        VirDomainStatsRecord* record, Guid id, ReadingMoment at, VMTraits traits, VirDomainInfo* info, VMCpuSampler cpu)
    {
        long state = info == null ? 0 : info->State;
        var memoryKib = info == null ? 0 : (long)info->MaxMemoryKib.Value;
        var assignedKib = info == null ? 0 : (long)info->MemoryKib.Value;
        long cpus = info == null ? 0 : info->CpuCount;
        long mostCpus = 0;
        var cpuNanoseconds = info == null ? -1 : (long)info->CpuTimeNanoseconds;
        long read = 0;
        long written = 0;
        long received = 0;
        long sent = 0;
        for (var i = 0; i < record->ParameterCount; i++)
        {
            var name = NameOf(record, i);
            var value = record->Parameters[i].AsInt64;
            if (name.StartsWith("block."u8))
            {
                read += name.EndsWith(".rd.bytes"u8) ? value : 0;
                written += name.EndsWith(".wr.bytes"u8) ? value : 0;
            }
            else if (name.StartsWith("net."u8))
            {
                received += name.EndsWith(".rx.bytes"u8) ? value : 0;
                sent += name.EndsWith(".tx.bytes"u8) ? value : 0;
            }
            else if (name.SequenceEqual("state.state"u8))
            {
                state = value;
            }
            else if (name.SequenceEqual("cpu.time"u8))
            {
                cpuNanoseconds = value;
            }
            else if (name.SequenceEqual("balloon.maximum"u8))
            {
                memoryKib = value;
            }
            else if (name.SequenceEqual("balloon.current"u8))
            {
                assignedKib = value;
            }
            else if (name.SequenceEqual("vcpu.current"u8))
            {
                cpus = value;
            }
            else if (name.SequenceEqual("vcpu.maximum"u8))
            {
                mostCpus = value;
            }
        }

        cpus = cpus == 0 ? mostCpus : cpus;
        var power = ToPowerState((int)state);

        // For a VM that is off, some versions tell the time of whatever has its cgroup.
        cpuNanoseconds = power is PowerState.Shutoff or PowerState.Crashed ? 0 : cpuNanoseconds;
        TimeSpan? cpuTime = cpuNanoseconds < 0 ? null : TimeSpan.FromTicks(cpuNanoseconds / TimeSpan.NanosecondsPerTick);
        return new VMReading
        {
            CapturedAt = at.Clock,
            Id = id,
            Name = Marshal.PtrToStringUTF8((nint)NativeDomain.virDomainGetName(record->Domain)) ?? "",
            State = power,
            IsPersistent = traits.IsPersistent,
            HasSavedState = traits.HasSavedState,
            IsAutostart = traits.IsAutostart,
            CpuCount = (int)cpus,
            CpuTime = cpuTime ?? TimeSpan.Zero,
            CpuRatio = cpu.Read(record->Domain, id, power, (int)cpus, cpuTime, at.Timestamp),
            MemoryBytes = memoryKib * 1024,
            MaxCpuCount = (int)Math.Max(cpus, mostCpus),
            AssignedMemoryBytes = (assignedKib > 0 ? assignedKib : memoryKib) * 1024,
            DiskReadBytes = read,
            DiskWrittenBytes = written,
            NetworkReceivedBytes = received,
            NetworkSentBytes = sent,
        };
    }

    /// <summary>libvirt-domain: virDomainState. Blocked VMs run, and one that is shutting down has not stopped yet.</summary>
    internal static PowerState ToPowerState(int state) => state switch
    {
        1 or 2 or 4 => PowerState.Running,
        3 => PowerState.Paused,
        5 => PowerState.Shutoff,
        6 => PowerState.Crashed,
        7 => PowerState.PMSuspended,
        _ => PowerState.Unknown,
    };

    private static ReadOnlySpan<byte> NameOf(VirDomainStatsRecord* record, int index) =>
        MemoryMarshal.CreateReadOnlySpanFromNullTerminated(record->Parameters[index].Field);
}
