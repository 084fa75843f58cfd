using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Storage;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>What a source tells of a VM that is to be migrated, and what it itself refuses. Blocks.</summary>
internal static class MigrationNeedsReader
{
    public static MigrationNeeds Read(LibvirtConnection connection, DomainHandle domain, VMReading vm, MigrationOptions options)
    {
        var definition = DomainCalls.ReadXml(connection, domain);
        var host = HostIdentity.Read(connection);
        return new MigrationNeeds
        {
            VM = vm,
            Definition = definition,
            HypervisorType = host.Type,
            HostId = host.Id,
            HypervisorVersion = host.Hypervisor,
            ManagerVersion = host.Libvirt,
            HostCpu = host.Cpu,
            CopiedDisks = options.WithStorage
                ? [.. StorageMoves.Copied(DomainDefinition.Parse(definition)).Select(disk => DiskReader.Read(domain, disk))] : [],
            Obstacles = Judge(connection, domain, vm, definition, options),
        };
    }

    private static List<MigrationObstacle> Judge(
        LibvirtConnection connection, DomainHandle domain, VMReading vm, string definition, MigrationOptions options)
    {
        List<MigrationObstacle> obstacles = [];
        if (MigrationJudge.JudgeState(vm, connection.Label) is { } off)
        {
            obstacles.Add(off);
        }
        else if (DomainJob.Read(connection, domain) is not null)
        {
            obstacles.Add(MigrationJudge.Busy(vm.Name, connection.Label));
        }
        else if (WhereaboutsReader.Read(connection, vm.Id) is VMWhereabouts.MigrationPaused)
        {
            obstacles.Add(MigrationJudge.Held(vm.Name, connection.Label));
        }

        if (NativeSnapshot.virDomainSnapshotNum(domain, 0) is > 0 and int count)
        {
            obstacles.Add(MigrationJudge.Snapshots(vm.Name, connection.Label, count));
        }

        obstacles.AddRange(MigrationJudge.JudgeVM(DomainDefinition.Parse(definition)));
        obstacles.AddRange(MigrationJudge.JudgeListening(DomainCalls.ReadMigratable(connection, domain)));

        if (options.WithStorage)
        {
            obstacles.AddRange(StorageMoves.Judge(DomainDefinition.Parse(definition)));
        }

        // A VM with a job would make libvirt wait, and what is refused already needs no second word.
        if (!obstacles.Exists(static obstacle => obstacle.IsFatal) && Ask(connection, domain, vm, options) is { } refusal)
        {
            obstacles.Add(refusal);
        }

        return obstacles;
    }

    /// <summary>
    /// Asks libvirt itself, by the first phase of its migration protocol: without VIR_MIGRATE_CHANGE_PROTECTION that phase holds nothing
    /// and changes nothing. Only the source knows what its file systems are, and what QEMU says blocks the migration.
    /// </summary>
    private static MigrationObstacle? Ask(LibvirtConnection connection, DomainHandle domain, VMReading vm, MigrationOptions options)
    {
        if (!LibvirtLibrary.Exports(nameof(NativeMigrationPhases.virDomainMigrateBegin3Params)))
        {
            return null;
        }

        try
        {
            _ = MigrationPhases.Begin(
                connection, domain, MigrationPhases.TargetFlags(options, vm.IsPersistent, vm.State is PowerState.Paused));
            return null;
        }
        catch (HypervisorException e) when (connection.Loss is null)
        {
            return new MigrationObstacle(
                KindOf((LibvirtCode)e.NativeCode), e.Message, e.RecommendedAction ?? "See the hypervisor's log on that host.");
        }
    }

    private static MigrationObstacleKind KindOf(LibvirtCode code) => code switch
    {
        LibvirtCode.MigrateUnsafe => MigrationObstacleKind.DiskNotShared,
        LibvirtCode.OperationTimeout => MigrationObstacleKind.Busy,
        LibvirtCode.NoSupport => MigrationObstacleKind.Hypervisor,
        LibvirtCode.OperationInvalid or LibvirtCode.OperationUnsupported => MigrationObstacleKind.Device,
        _ => MigrationObstacleKind.Other,
    };
}
