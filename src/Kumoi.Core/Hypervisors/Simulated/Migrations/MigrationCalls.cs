using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Migrations;

/// <summary>Calls that move VMs between hosts, and that find out what a move has left.</summary>
internal static class MigrationCalls
{
    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, MigrateVM call, CancellationToken token) => LiveMigration.RunAsync(link, call, token))
        .Add(static (SimulatedLink link, ReadWhereabouts call, CancellationToken token) =>
            link.Call(() => link.Host.Find(call.Id) is { } vm ? PlaceOf(vm) : VMWhereabouts.Absent, token))
        .Add(static (SimulatedLink link, ReadMigrationNeeds call, CancellationToken token) =>
            link.Call(() => SimulatedMigrationCheck.ReadNeeds(link.Host, link.Uri, link.Existing(call.Id), call.Options, link.Now), token))
        .Add(static (SimulatedLink link, CheckMigrationTarget call, CancellationToken token) =>
            link.Call(() => SimulatedMigrationCheck.JudgeTarget(link.Fleet, link.Host, link.Uri, call.Needs), token))
        .Add(static (SimulatedLink link, BeginMigration call, CancellationToken token) => link.Call(() => Begin(link, call), token))
        .Add(static (SimulatedLink link, PrepareMigration call, CancellationToken token) => link.Call(() => Prepare(link, call), token))
        .Add(static (SimulatedLink _, PerformMigration call, CancellationToken token) =>
            ((SimulatedOutgoingMigration)call.Migration).PerformAsync(call.Targets, call.Budget, call.Progress, token))
        .Add(static (SimulatedLink _, FinishMigration call, CancellationToken token) => ((SimulatedIncomingMigration)call.Migration)
            .FinishAsync(token))
        .Add(static (SimulatedLink _, AbandonMigration call, CancellationToken token) => ((SimulatedIncomingMigration)call.Migration)
            .AbandonAsync(token))
        .Add(static (SimulatedLink _, ConfirmMigration call, CancellationToken token) =>
            ((SimulatedOutgoingMigration)call.Migration).ConfirmAsync(call.Cancelled, token))
        .Add(static (SimulatedLink link, MarkVM call, CancellationToken token) => link.Call(() => Mark(link, call), token))
        .Add(static (SimulatedLink link, ReadMarked _, CancellationToken token) => link.Call<IReadOnlyList<MarkedVM>>(
            () => [.. link.Host.VMs.Values.Where(vm => vm.Mark is not null).Select(vm => new MarkedVM(vm.Id, vm.Name, vm.Mark!))], token))
        .Add(static (SimulatedLink link, RemoveCopy call, CancellationToken token) => link.Call(() => RemoveCopy(link, call), token));

    private static IOutgoingMigration Begin(SimulatedLink link, BeginMigration call)
    {
        var vm = link.Existing(call.Id);
        LiveMigration.EnsureMovable(vm);
        return new SimulatedOutgoingMigration(link, vm, call.Plan);
    }

    private static IIncomingMigration Prepare(SimulatedLink link, PrepareMigration call)
    {
        if (link.Fleet.FindOffered(call.Offer.Id) is not { } vm)
        {
            throw new HypervisorException(
                $"{link.HostName} is simulated and cannot take '{call.Offer.Name}' from a host of another fleet.", FaultDomain.Host,
                error: HypervisorError.NotSupported, recommendedAction: "Choose a host of the same simulated fleet.");
        }

        LiveMigration.EnsureRoom(link.Host, vm);
        var copy = vm.Copy(call.Offer.Plan.Mark with { Replica = call.Replica });
        copy.IsMigrating = true;
        copy.IsHeldByMigration = true;
        link.Host.VMs.Add(copy.Name, copy);
        return new SimulatedIncomingMigration(link, copy, call.Offer);
    }

    private static Done Mark(SimulatedLink link, MarkVM call)
    {
        var vm = link.Existing(call.Id);
        vm.IsAutostart |= call.Mark is null && vm.Mark is { IsAutostart: true };
        vm.Mark = call.Mark;
        return default;
    }

    private static bool RemoveCopy(SimulatedLink link, RemoveCopy call)
    {
        var removal = call.Removal;
        if (link.Host.Find(call.Id) is not { } vm || !removal.Fits(vm.Mark, PlaceOf(vm)))
        {
            return false;
        }

        if (vm.IsMigrating)
        {
            throw SimulatedLink.WrongState(vm, "remove");
        }

        if (removal.Kind is not CopyRemovalKind.Stop)
        {
            if (vm.HasSavedState)
            {
                return false;
            }

            link.Host.VMs.Remove(vm.Name);
            if (removal.Kind is CopyRemovalKind.Undo)
            {
                link.Host.RemoveSeeds(vm);
            }
        }

        vm.IsHeldByMigration = false;
        vm.ChangeState(PowerState.Shutoff, link.Now);
        link.Host.Publish(vm, removal.Kind is CopyRemovalKind.Stop ? VMLifecycle.Stopped : VMLifecycle.Undefined, link.Now);
        return true;
    }

    private static VMWhereabouts PlaceOf(SimulatedVM vm) => vm switch
    {
        { IsHeldByMigration: true } => VMWhereabouts.MigrationPaused,
        { State: PowerState.Paused } => VMWhereabouts.Paused,
        { State: PowerState.Running } => VMWhereabouts.Running,
        _ => VMWhereabouts.Off,
    };
}
