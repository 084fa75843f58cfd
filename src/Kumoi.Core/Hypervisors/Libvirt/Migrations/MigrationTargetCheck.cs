using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Reading;
using Kind = Kumoi.Hypervisors.MigrationObstacleKind;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>What of a host stands in the way of a VM that is to come to it. Reads only; blocks.</summary>
internal sealed unsafe class MigrationTargetCheck
{
    // virCPUCompareResult
    private const int CpuIsIdentical = 1;

    /// <summary>VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE: the error names what is missing.</summary>
    private const uint SayWhatIsMissing = 1;

    private readonly LibvirtConnection _connection;
    private readonly MigrationNeeds _needs;
    private readonly XElement _domain;
    private readonly List<MigrationObstacle> _obstacles = [];

    private MigrationTargetCheck(LibvirtConnection connection, MigrationNeeds needs)
    {
        _connection = connection;
        _needs = needs;
        _domain = DomainDefinition.Parse(needs.Definition);
    }

    private string Host => _connection.Label;

    private string VM => _needs.VM.Name;

    public static List<MigrationObstacle> Run(LibvirtConnection connection, MigrationNeeds needs) =>
        new MigrationTargetCheck(connection, needs).Run();

    private List<MigrationObstacle> Run()
    {
        var host = HostIdentity.Read(_connection);
        if (!string.Equals(host.Type, _needs.HypervisorType, StringComparison.Ordinal))
        {
            return [MigrationJudge.OtherHypervisor(VM, Host)];
        }

        if (string.Equals(host.Id, _needs.HostId, StringComparison.OrdinalIgnoreCase))
        {
            return [MigrationJudge.SameHost(VM, Host)];
        }

        CheckName();
        Add(MigrationJudge.JudgeMemory(_needs, Host, HostReader.ReadFreeMemory(_connection)));
        CheckMachineAndCpu();
        foreach (var network in MigrationJudge.Networks(_domain))
        {
            CheckNetwork(network);
        }

        foreach (var name in MigrationJudge.HostInterfaces(_domain))
        {
            CheckHostInterface(name);
        }

        foreach (var (pool, volume) in MigrationJudge.Volumes(_domain))
        {
            CheckVolume(pool, volume);
        }

        var optional = MigrationJudge.OptionalImages(_domain);
        Dictionary<string, string>? pools = null;
        foreach (var path in MigrationJudge.Images(_domain, _needs.CopiedDisks).Where(path => !HasVolume(path)))
        {
            pools ??= VolumeStore.ReadDirectories(_connection);
            var normal = ImagePath.Normalize(path);
            Add(pools.TryGetValue(normal[..Math.Max(normal.LastIndexOf('/'), 0)], out var pool)
                ? MigrationJudge.MissingImage(VM, Host, path, pool, optional.Contains(path))
                : MigrationJudge.UnknownImage(Host, path));
        }

        Add(MigrationJudge.JudgeVersion("libvirt", _needs.ManagerVersion, host.Libvirt, Host));
        Add(MigrationJudge.JudgeVersion(host.Type, _needs.HypervisorVersion, host.Hypervisor, Host));
        return _obstacles;
    }

    /// <summary>As libvirt: a definition of this very VM that is off is written over, all else is in the way.</summary>
    private void CheckName()
    {
        using var same = _connection.FindDomain(_needs.VM.Id);
        using var named = _connection.FindDomain(VM);
        var isThisVM = same is not null && string.Equals(same.Name, VM, StringComparison.Ordinal);
        var what = same is null ? named is null ? null : "another VM of that name"
            : !isThisVM ? $"a VM with its id, '{same.Name}',"
            : NativeDomain.virDomainIsActive(same) == 1 ? "this VM, which runs there or waits for a migration,"
            : null;
        Add(what is null ? null : MigrationJudge.Exists(VM, Host, what));
    }

    /// <summary>
    /// libvirt-domain: virConnectGetDomainCapabilities fails for an emulator, architecture, acceleration or machine type that is not there.
    /// </summary>
    private void CheckMachineAndCpu()
    {
        var os = _domain.Element("os")?.Element("type");
        var emulator = (string?)_domain.Element("devices")?.Element("emulator");
        var architecture = (string?)os?.Attribute("arch");
        var machine = (string?)os?.Attribute("machine");
        var type = (string?)_domain.Attribute("type");
        var capabilities = NativeString.Take(
            NativeCapabilities.virConnectGetDomainCapabilities(_connection.Handle, emulator, architecture, machine, type, 0));
        if (capabilities is null)
        {
            if (FailureOf("read what it can run") is { } failure)
            {
                Add(new MigrationObstacle(
                    Kind.Machine, $"{Host} cannot run '{VM}': {failure.Message}.",
                    "Choose a host with the same or a newer QEMU of that architecture."));
            }

            return;
        }

        if (_domain.Element("cpu") is not { } cpu)
        {
            return;
        }

        // As it is with KVM: the guest sees the host's own CPU. In emulation 'maximum' is the emulator's.
        var isHostCpu = (string?)cpu.Attribute("mode") is "host-passthrough"
            || ((string?)cpu.Attribute("mode") is "maximum" && type is "kvm");
        if (isHostCpu && _needs.HostCpu is { } hostCpu)
        {
            if (JudgeCpu(NativeCapabilities.virConnectCompareCPU(_connection.Handle, hostCpu, SayWhatIsMissing)))
            {
                Add(new MigrationObstacle(
                    Kind.CpuModel, $"'{VM}' sees the CPU of its host, and {Host} has another one.",
                    "Give the VM a CPU model that all hosts have (mode='custom'), or migrate between hosts with the same CPU.",
                    IsFatal: false));
            }
        }
        else if ((string?)cpu.Attribute("mode") is "custom")
        {
            _ = JudgeCpu(NativeCapabilities.virConnectCompareHypervisorCPU(
                _connection.Handle, emulator, architecture, machine, type, cpu.ToString(), SayWhatIsMissing));
        }
    }

    /// <summary>True if the host's CPU has all, and more.</summary>
    private bool JudgeCpu(int comparison)
    {
        if (comparison <= 0 && FailureOf("compare the CPU", LibvirtCode.ArgumentUnsupported) is { } failure)
        {
            var isIncompatible = failure.Code == LibvirtCode.CpuIncompatible;
            Add(new MigrationObstacle(
                Kind.CpuModel,
                isIncompatible ? $"The CPU of {Host} lacks what '{VM}' uses: {failure.Message}."
                    : $"The CPU of {Host} could not be compared: {failure.Message}.",
                "Choose a host whose CPU has it, or give the VM an older CPU model while it is off.",
                isIncompatible));
        }

        return comparison > CpuIsIdentical;
    }

    private void CheckNetwork(string name)
    {
        var network = NativeNetwork.virNetworkLookupByName(_connection.Handle, name);
        if (network == 0)
        {
            AddMissing(Kind.Network, $"network '{name}'", "Define and start it there ('virsh net-define', 'virsh net-start').",
                LibvirtCode.NoNetwork);
            return;
        }

        var isInactive = NativeNetwork.virNetworkIsActive(network) == 0;
        _ = NativeNetwork.virNetworkFree(network);
        Add(isInactive ? new MigrationObstacle(
            Kind.Network, $"The network '{name}' of '{VM}' is not active on {Host}.", $"Start it there ('virsh net-start {name}').")
            : null);
    }

    private void CheckHostInterface(string name)
    {
        var found = NativeNetwork.virInterfaceLookupByName(_connection.Handle, name);
        if (found == 0)
        {
            AddMissing(Kind.Network, $"bridge or network card '{name}'",
                "Make it there, or connect the VM to a virtual network that all hosts have.", LibvirtCode.NoInterface);
            return;
        }

        _ = NativeNetwork.virInterfaceFree(found);
    }

    private void CheckVolume(string poolName, string volumeName)
    {
        var pointer = NativeStorage.virStoragePoolLookupByName(_connection.Handle, poolName);
        if (pointer == 0)
        {
            AddMissing(Kind.Storage, $"storage pool '{poolName}'", "Define and start it there ('virsh pool-define', 'virsh pool-start').",
                LibvirtCode.NoStoragePool);
            return;
        }

        using var pool = new StoragePoolHandle(pointer, _connection.Handle);
        if (NativeStorage.virStoragePoolIsActive(pool) == 0)
        {
            Add(new MigrationObstacle(Kind.Storage, $"The storage pool '{poolName}' of '{VM}' is "
                + $"not active on {Host}.", $"Start it there ('virsh pool-start {poolName}')."));
            return;
        }

        var volume = NativeStorage.virStorageVolLookupByName(pool, volumeName);
        if (volume == 0)
        {
            AddMissing(
                Kind.Storage, $"volume '{volumeName}' in the storage pool '{poolName}'",
                $"See that the pool is on shared storage, and 'virsh pool-refresh {poolName}' there.", LibvirtCode.NoStorageVolume);
            return;
        }

        _ = NativeStorage.virStorageVolFree(volume);
    }

    private bool HasVolume(string path)
    {
        try
        {
            using var volume = VolumeStore.FindByPath(_connection, path);
            return volume is not null;
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.NotSupported)
        {
            return false; // the host has no storage driver
        }
    }

    /// <summary>
    /// For a lookup that just failed: fatal where the host says that there is none, else a warning that it cannot be known.
    /// </summary>
    private void AddMissing(Kind kind, string what, string action, LibvirtCode none)
    {
        if (NativeError.Last() is var failure && failure.Code == none)
        {
            Add(new MigrationObstacle(kind, $"{Host} has no {what}, which '{VM}' needs.", action));
        }
        else if (_connection.Loss is not null)
        {
            throw _connection.ToException(failure, $"find the {what}", CallKind.Read);
        }
        else
        {
            Add(new MigrationObstacle(
                kind, $"It is not known whether {Host} has the {what}, which '{VM}' needs: {failure.Message}.", action, IsFatal: false));
        }
    }

    /// <summary>Of the call that just failed; null where the host's driver has no such call.</summary>
    private LibvirtFailure? FailureOf(string action, LibvirtCode unsupported = LibvirtCode.NoSupport)
    {
        var failure = NativeError.Last();
        return _connection.Loss is not null ? throw _connection.ToException(failure, action, CallKind.Read)
            : failure.Code is LibvirtCode.NoSupport || failure.Code == unsupported ? null
            : failure;
    }

    private void Add(MigrationObstacle? obstacle)
    {
        if (obstacle is not null)
        {
            _obstacles.Add(obstacle);
        }
    }
}
