using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <content>Starting and stopping.</content>
public static partial class VMActions
{
    /// <summary>See <see cref="EnsureOnlyCopyAsync(Fleet, KumoiVM, bool, CancellationToken)"/>.</summary>
    public static async Task<KumoiVM> StartAsync(KumoiVM vm, bool paused, CancellationToken cancellationToken)
    {
        await vm.Connection.Link.SendAsync(new StartVM(vm.Id, paused), cancellationToken);
        return await ReadAgainAsync(vm, cancellationToken);
    }

    /// <summary>
    /// With <paramref name="turnOff"/> at once, as by pulling the plug; else asks the guest and waits until it is off, at most
    /// <paramref name="patience"/>.
    /// </summary>
    public static async Task<KumoiVM?> StopAsync(
        KumoiVM vm, bool turnOff, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        var link = vm.Connection.Link;
        if (turnOff)
        {
            await link.SendAsync(new DestroyVM(vm.Id), cancellationToken);
            return await FleetReads.ReadVMAsync(vm, cancellationToken);
        }

        await link.SendAsync(new ShutdownVM(vm.Id), cancellationToken);
        var now = await ReadUntilAsync(vm, static now => now is null or { State: PowerState.Shutoff }, patience, time, cancellationToken);
        return now is null or { State: PowerState.Shutoff }
            ? now
            : throw new HypervisorException(
                FormattableString.Invariant($"'{vm.Name}' did not shut down within {patience.TotalSeconds:0.#} s."), FaultDomain.VM,
                error: HypervisorError.TimedOut, recommendedAction: "Wait longer with -TimeoutSec, or turn it off with -TurnOff.");
    }

    public static async Task<KumoiVM> RestartAsync(KumoiVM vm, bool reset, CancellationToken cancellationToken)
    {
        var link = vm.Connection.Link;
        await (reset ? link.SendAsync(new ResetVM(vm.Id), cancellationToken) : link.SendAsync(new RebootVM(vm.Id), cancellationToken));
        return await ReadAgainAsync(vm, cancellationToken);
    }

    /// <summary>
    /// Writes the VM's memory to its host and turns it off: its next start goes on from there. Cancelled, it goes on.
    /// </summary>
    /// <exception cref="HypervisorException">InvalidState: it neither runs nor is paused, or has no definition to start it from.</exception>
    public static async Task<KumoiVM> SaveAsync(KumoiVM vm, CancellationToken cancellationToken)
    {
        var now = await ReadAgainAsync(vm, cancellationToken);
        if (now.State is not (PowerState.Running or PowerState.Paused))
        {
            throw new HypervisorException(
                $"'{vm.Name}' is {now.State}: only a VM that runs or is paused is saved.", FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: "There is nothing to save of it.");
        }

        if (!now.IsPersistent)
        {
            throw new HypervisorException(
                $"'{vm.Name}' has no definition, so that nothing could start it again.", FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: "Define it first (virsh define), or stop it.");
        }

        await vm.Connection.Link.SendAsync(new SaveVM(vm.Id), cancellationToken);
        return await ReadAgainAsync(vm, CancellationToken.None); // it is saved: a cancellation came too late
    }

    public static async Task<KumoiVM> SuspendAsync(KumoiVM vm, CancellationToken cancellationToken)
    {
        await vm.Connection.Link.SendAsync(new SuspendVM(vm.Id), cancellationToken);
        return await ReadAgainAsync(vm, cancellationToken);
    }

    /// <inheritdoc cref="StartAsync"/>
    public static async Task<KumoiVM> ResumeAsync(KumoiVM vm, CancellationToken cancellationToken)
    {
        await vm.Connection.Link.SendAsync(new ResumeVM(vm.Id), cancellationToken);
        return await ReadAgainAsync(vm, cancellationToken);
    }

    /// <summary>Reads the VM again and again until it is as wanted, or the time is up; null: it is gone.</summary>
    private static async Task<KumoiVM?> ReadUntilAsync(
        KumoiVM vm, Func<KumoiVM?, bool> isWanted, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var now = await FleetReads.ReadVMAsync(vm, cancellationToken);
            if (isWanted(now) || time.GetElapsedTime(began) >= patience)
            {
                return now;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(250), time, cancellationToken);
        }
    }
}
