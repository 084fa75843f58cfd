using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.FaultTolerance;

/// <summary>
/// Calls that make checkpoints of VMs, and that go on from them. All hosts of a fleet read the same checkpoints, by their paths; there are
/// no files.
/// </summary>
internal static class CheckpointCalls
{
    /// <summary>How long a guest stands still for a checkpoint, as its reports say.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);

    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, MakeCheckpoint call, CancellationToken token) => link.Call(() => Make(link, call), token))
        .Add(static (SimulatedLink link, RestoreCheckpoint call, CancellationToken token) => link.Call(() => Restore(link, call), token))
        .Add(static (SimulatedLink link, WatchStops call, CancellationToken token) => link.Call(() => Watch(link, call), token));

    private static Done Make(SimulatedLink link, MakeCheckpoint call)
    {
        var vm = link.Existing(call.Id);
        if (vm.State is not PowerState.Running || vm.IsMigrating)
        {
            throw SimulatedLink.WrongState(vm, "make a checkpoint of");
        }

        link.Host.ReportStop(vm, new GuestStop(true, link.Now));
        link.Fleet.Checkpoints[call.Path] = vm.Copy(mark: null);
        link.Host.ReportStop(vm, new GuestStop(false, link.Now + Pause));
        return default;
    }

    private static Done Restore(SimulatedLink link, RestoreCheckpoint call)
    {
        if (!link.Fleet.Checkpoints.TryGetValue(call.Path, out var saved))
        {
            throw new HypervisorException(
                $"{link.HostName} finds no checkpoint '{call.Path}'.", FaultDomain.Storage, error: HypervisorError.InvalidSpecification,
                recommendedAction: "Check that the host has the folder of the pair.");
        }

        if (link.Host.Find(saved.Id) is { } there)
        {
            if (there.State is not (PowerState.Shutoff or PowerState.Crashed))
            {
                throw SimulatedLink.WrongState(there, "restore");
            }

            link.Host.VMs.Remove(there.Name);
        }

        var vm = saved.Copy(mark: null);
        link.Host.EnsureMemory(vm);
        link.Fleet.Boot(vm); // it goes back on purpose
        link.Host.VMs.Add(vm.Name, vm);
        link.Host.Publish(vm, VMLifecycle.Suspended, link.Now);
        return default;
    }

    private static IAsyncDisposable Watch(SimulatedLink link, WatchStops call)
    {
        _ = link.Existing(call.Id);
        return link.Host.WatchStops(call.Id, call.Happened!, link.Fleet.Gate);
    }
}
