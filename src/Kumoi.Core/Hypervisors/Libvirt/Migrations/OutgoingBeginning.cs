using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>The begin of a migration at its source, with the plan on the VM; and the taking back of both.</summary>
internal sealed class OutgoingBeginning(FreshConnections connections, SourceConnection source)
{
    /// <summary>Blocks. What fails leaves nothing begun, but may leave the plan on the VM.</summary>
    public MigrationOffer Begin(Guid id, MigrationPlan plan)
    {
        source.Open(connections, id);
        var (connection, domain) = (source.Connection, source.Domain);
        var isPersistent = VMDefiner.IsPersistent(connection, domain);
        if (!VMDefiner.IsActive(connection, domain))
        {
            throw Refused("the VM is not running");
        }

        // Writing metadata would wait for 30 s.
        if (DomainJob.Read(connection, domain) is not null)
        {
            throw Refused("another job runs on the VM");
        }

        plan = plan with { Mark = plan.Mark with { IsAutostart = HostBoundState.IsAutostart(domain) } };
        SetPlan(plan);
        try
        {
            var flags = MigrationPhases.SourceFlags(plan.Options, isPersistent, isPaused: false);
            var (definition, cookie) = MigrationPhases.Begin(connection, domain, flags);
            if (SpeculationMetadata.Read(definition)?.Operation != plan.Operation)
            {
                throw Refused("another migration of the VM was begun at the same moment");
            }

            if (MigrationJudge.JudgeListening(definition)
                .FirstOrDefault(static obstacle => obstacle.IsFatal) is { } listening)
            {
                throw listening.ToException(FaultDomain.VM);
            }

            return new MigrationOffer
            {
                Plan = plan,
                Id = id,
                Name = domain.Name,
                IsPersistent = isPersistent,
                IsPaused = WhereaboutsReader.Read(connection, id) is VMWhereabouts.Paused,
                Definition = definition,
                Cookie = cookie,
            };
        }
        catch (HypervisorException)
        {
            source.Close(); // ends what was begun
            throw;
        }
    }

    /// <summary>
    /// Takes the plan off the VM, if it still is this operation's; true: it is not on the VM any more. Blocks. Does not fail: whoever finds
    /// the plan can tell that it is over.
    /// </summary>
    public bool TryRemovePlan(Guid id, OperationId operation)
    {
        try
        {
            using var fresh = connections.Open();
            using var vm = fresh.FindDomain(id);
            if (vm is null || !SpeculationMarks.IsOf(fresh, vm, operation))
            {
                return true;
            }

            // libvirt needs a moment to end the job of a connection that it has lost; until then writing metadata would wait for 30 s.
            if (DomainJob.Read(fresh, vm) is not null)
            {
                return false;
            }

            SpeculationMarks.Remove(fresh, vm, operation);
            return true;
        }
        catch (HypervisorException)
        {
            return false;
        }
    }

    private HypervisorException Refused(string reason) => source.Connection.ToException(
        new LibvirtFailure(LibvirtCode.OperationInvalid, LibvirtOrigin.None, 0, reason),
        $"begin the migration of VM '{source.Domain.Name}'",
        CallKind.Read);

    private void SetPlan(MigrationPlan plan)
    {
        try
        {
            SpeculationMarks.Set(source.Connection, source.Domain, plan.Mark);
        }
        catch (HypervisorException e) when (e.NativeCode == (int)LibvirtCode.OperationTimeout)
        {
            throw Refused("another job runs on the VM");
        }
    }
}
