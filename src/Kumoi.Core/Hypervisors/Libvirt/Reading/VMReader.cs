using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>Reads VMs: all in one bulk call, or one. Its methods block.</summary>
internal sealed unsafe class VMReader(TimeProvider time)
{
    // virDomainStatsTypes: STATE, CPU_TOTAL, BALLOON, VCPU, INTERFACE, BLOCK.
    private const uint Stats = 1 | 2 | 4 | 8 | 16 | 32;

    /// <summary>VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT: a VM that is busy with a job does not hold up the others.</summary>
    private const uint NoWait = 1 << 29;

    // virConnectListAllDomainsFlags
    private const uint TransientOnly = 1 << 3;
    private const uint SavedOnly = 1 << 8;
    private const uint AutostartOnly = 1 << 10;

    private readonly VMCpuSampler _cpu = new(time, NativeDomain.virDomainGetID);
    private volatile bool _lacksNoWait;
    private volatile bool _lacksStats;

    /// <summary>libvirt-domain: virConnectGetAllDomainStats. Templates are read too, and left out.</summary>
    public IReadOnlyList<VMReading> ReadAll(LibvirtConnection connection, bool withTemplates)
    {
        var at = ReadingMoment.Now(time);
        VirDomainStatsRecord** records = null;
        var count = GetStats(connection, null, &records);
        HashSet<Guid> transient = [];
        HashSet<Guid> saved = [];
        HashSet<Guid> autostarted = [];
        if (count < 0)
        {
            ListTraits();
            List<VMReading> readings = [];
            ForEachDomain(connection, 0, domain => AddWithoutStats(connection, readings, domain, at, TraitsOf));
            _cpu.KeepOnly(readings);
            return WithoutOthers(readings, withTemplates);
        }

        try
        {
            if (count > 0)
            {
                ListTraits();
            }

            var readings = new VMReading[count];
            for (var i = 0; i < count; i++)
            {
                var id = VMStats.Id(records[i]->Domain);
                readings[i] = Read(connection, records[i], id, at, TraitsOf(id));
            }

            _cpu.KeepOnly(readings);
            return WithoutOthers(readings, withTemplates);
        }
        finally
        {
            NativeDomain.virDomainStatsRecordListFree(records);
        }

        // Rare, so these lists are nearly always short, and tell for all the others that they are not so.
        void ListTraits()
        {
            transient = List(connection, TransientOnly);
            saved = List(connection, SavedOnly);
            autostarted = List(connection, AutostartOnly);
        }

        VMTraits TraitsOf(Guid id) => new(!transient.Contains(id), saved.Contains(id), autostarted.Contains(id));
    }

    /// <summary>libvirt-domain: virDomainListGetStats. Null if the VM went away meanwhile.</summary>
    public VMReading? Read(LibvirtConnection connection, DomainHandle domain)
    {
        var isHeld = false;
        domain.DangerousAddRef(ref isHeld);
        try
        {
            var at = ReadingMoment.Now(time);
            var pointer = domain.DangerousGetHandle();
            var persistent = NativeDomain.virDomainIsPersistent(pointer);
            if (persistent < 0)
            {
                return GoneOrFailed(connection);
            }

            var isAutostart = 0;
            var traits = new VMTraits(
                persistent == 1,
                NativeDomain.virDomainHasManagedSaveImage(pointer, 0) > 0,
                NativeDomain.virDomainGetAutostart(pointer, &isAutostart) == 0 && isAutostart != 0);
            nint* list = stackalloc nint[] { pointer, 0 };
            VirDomainStatsRecord** records = null;
            var count = GetStats(connection, list, &records);
            if (count < 0)
            {
                var empty = new VirDomainStatsRecord() { Domain = pointer };
                return ReadInfo(connection, pointer) is { } info
                    ? VMStats.Decode(&empty, VMStats.Id(pointer), at, traits, &info, _cpu)
                    : null;
            }

            try
            {
                return count == 0 ? null : Read(connection, records[0], VMStats.Id(pointer), at, traits);
            }
            finally
            {
                NativeDomain.virDomainStatsRecordListFree(records);
            }
        }
        finally
        {
            domain.DangerousRelease();
        }
    }

    /// <summary>The marks of pairs are no VMs, nor are templates.</summary>
    private static IReadOnlyList<VMReading> WithoutOthers(IReadOnlyList<VMReading> readings, bool withTemplates)
    {
        return readings.Any(IsOther) ? [.. readings.Where(vm => !IsOther(vm))] : readings;

        bool IsOther(VMReading vm) => PairMarks.IsMark(vm.Name) || (!withTemplates && TemplateMark.IsOf(vm.Id));
    }

    private VMReading Read(
        LibvirtConnection connection, VirDomainStatsRecord* record, Guid id, ReadingMoment at, VMTraits traits)
    {
        // The test driver's statistics have the state only; there this is a call of a microsecond in this process.
        if (VMStats.HasSizes(record) || ReadInfo(connection, record->Domain) is not { } info)
        {
            return VMStats.Decode(record, id, at, traits, info: null, _cpu);
        }

        return VMStats.Decode(record, id, at, traits, &info, _cpu);
    }

    private void AddWithoutStats(
        LibvirtConnection connection, List<VMReading> readings, nint domain, ReadingMoment at, Func<Guid, VMTraits> traitsOf)
    {
        if (ReadInfo(connection, domain) is { } info)
        {
            var empty = new VirDomainStatsRecord() { Domain = domain };
            var id = VMStats.Id(domain);
            readings.Add(VMStats.Decode(&empty, id, at, traitsOf(id), &info, _cpu));
        }
    }

    /// <summary>Null if the domain went away meanwhile.</summary>
    private static VirDomainInfo? ReadInfo(LibvirtConnection connection, nint domain)
    {
        VirDomainInfo info;
        if (NativeDomain.virDomainGetInfo(domain, &info) == 0)
        {
            return info;
        }

        GoneOrFailed(connection);
        return null;
    }

    private static VMReading? GoneOrFailed(LibvirtConnection connection)
    {
        var failure = NativeError.Last();
        return failure.Code == LibvirtCode.NoDomain ? null : throw connection.ToException(failure, "read a VM", CallKind.Read);
    }

    /// <summary>
    /// Of the listed domains (a list that ends with null), or of all. Returns -1 where the driver has no statistics at all.
    /// </summary>
    private int GetStats(LibvirtConnection connection, nint* domains, VirDomainStatsRecord*** records)
    {
        while (!_lacksStats)
        {
            var flags = _lacksNoWait ? 0 : NoWait;
            var count = domains == null
                ? NativeDomain.virConnectGetAllDomainStats(connection.Handle, Stats, records, flags)
                : NativeDomain.virDomainListGetStats(domains, Stats, records, flags);
            if (count >= 0)
            {
                return count;
            }

            var failure = NativeError.Last();
            switch (failure.Code)
            {
                case LibvirtCode.InvalidArgument or LibvirtCode.ArgumentUnsupported when flags != 0:
                    _lacksNoWait = true;
                    break;
                case LibvirtCode.NoSupport:
                    _lacksStats = true;
                    break;
                default:
                    throw connection.ToException(failure, "read the VMs", CallKind.Read);
            }
        }

        return -1;
    }

    /// <summary>Those to which a flag applies; none where the driver does not know the flag.</summary>
    private static HashSet<Guid> List(LibvirtConnection connection, uint flag)
    {
        HashSet<Guid> ids = [];
        try
        {
            ForEachDomain(connection, flag, domain => ids.Add(VMStats.Id(domain)));
        }
        catch (HypervisorException e) when (e.NativeCode is (int)LibvirtCode.InvalidArgument or (int)LibvirtCode.ArgumentUnsupported)
        {
            // Then it keeps nothing of the kind.
        }

        return ids;
    }

    private static void ForEachDomain(LibvirtConnection connection, uint flags, Action<nint> visit)
    {
        nint* domains = null;
        var count = NativeDomain.virConnectListAllDomains(connection.Handle, &domains, flags);
        if (count < 0)
        {
            throw connection.Failed("list the VMs");
        }

        try
        {
            for (var i = 0; i < count; i++)
            {
                visit(domains[i]);
            }
        }
        finally
        {
            for (var i = 0; i < count; i++)
            {
                _ = NativeDomain.virDomainFree(domains[i]);
            }

            NativeTypedParameters.Free(domains);
        }
    }
}
