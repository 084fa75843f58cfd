using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Power;

/// <summary>Calls that start and stop VMs.</summary>
internal static class PowerCalls
{
    private static readonly PowerChange Shutdown = new(
        "shut down", static state => state is PowerState.Running, PowerState.Shutoff, VMLifecycle.Stopped);
    private static readonly PowerChange Destroy = new(
        "stop", static state => state is not PowerState.Shutoff, PowerState.Shutoff, VMLifecycle.Stopped);
    private static readonly PowerChange Reboot = new(
        "reboot", static state => state is PowerState.Running, PowerState.Running, VMLifecycle.Started);
    private static readonly PowerChange Suspend = new(
        "suspend", static state => state is PowerState.Running, PowerState.Paused, VMLifecycle.Suspended);
    private static readonly PowerChange Save = new(
        "save", static state => state is PowerState.Running or PowerState.Paused, PowerState.Shutoff, VMLifecycle.Stopped);

    private static readonly PowerChange Start = new(
        "start", static state => state is PowerState.Shutoff or PowerState.Crashed, PowerState.Running, VMLifecycle.Started);

    private static readonly PowerChange Reset = new(
        "reset", static state => state is PowerState.Running or PowerState.Paused, PowerState.Running, VMLifecycle.Started);

    private static readonly PowerChange Resume = new(
        "resume", static state => state is PowerState.Paused or PowerState.PMSuspended, PowerState.Running, VMLifecycle.Resumed);

    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, StartVM call, CancellationToken token) => ChangeAsync(
            link, call.Id, Start with { Next = call.Paused ? PowerState.Paused : PowerState.Running, NeedsMemory = true }, token))
        .Add(static (SimulatedLink link, ShutdownVM call, CancellationToken token) => ChangeAsync(link, call.Id, Shutdown, token))
        .Add(static (SimulatedLink link, DestroyVM call, CancellationToken token) => ChangeAsync(link, call.Id, Destroy, token))
        .Add(static (SimulatedLink link, RebootVM call, CancellationToken token) => ChangeAsync(link, call.Id, Reboot, token))
        .Add(static (SimulatedLink link, ResetVM call, CancellationToken token) => ChangeAsync(link, call.Id, Reset, token))
        .Add(static (SimulatedLink link, SuspendVM call, CancellationToken token) => ChangeAsync(link, call.Id, Suspend, token))
        .Add(static (SimulatedLink link, SaveVM call, CancellationToken token) => ChangeAsync(link, call.Id, Save, token))
        .Add(static (SimulatedLink link, ResumeVM call, CancellationToken token) => ChangeAsync(link, call.Id, Resume, token));

    private static Task<Done> ChangeAsync(
        SimulatedLink link, Guid id, PowerChange change, CancellationToken cancellationToken) => link.Call(
        () =>
        {
            var vm = link.Existing(id);
            if (!change.IsAllowed(vm.State) || vm.IsMigrating)
            {
                throw SimulatedLink.WrongState(vm, change.Verb);
            }

            if (change.NeedsMemory)
            {
                link.Host.EnsureMemory(vm);
            }

            if (change.Event is VMLifecycle.Started && !vm.HasSavedState)
            {
                link.Fleet.Boot(vm);
            }

            vm.IsHeldByMigration = false;
            var next = change.Event is VMLifecycle.Started && vm is { HasSavedState: true, IsSavedPaused: true }
                ? PowerState.Paused
                : change.Next;
            vm.IsSavedPaused = vm.State is PowerState.Paused;
            vm.HasSavedState = change == Save || (vm.HasSavedState && change.Event is not VMLifecycle.Started);
            vm.ChangeState(next, link.Now);
            if (next is PowerState.Running)
            {
                link.Fleet.LetRun(vm);
            }

            if (vm.IsTransient && change.Next is PowerState.Shutoff)
            {
                link.Host.VMs.Remove(vm.Name);
            }

            link.Host.Publish(vm, change.Event, link.Now);
            return default(Done);
        },
        cancellationToken);
}
