using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <content>Waiting for VMs and their guests. Nothing is changed.</content>
public static partial class VMActions
{
    /// <summary>How often a state is looked at.</summary>
    private static readonly TimeSpan StatePause = TimeSpan.FromMilliseconds(250);

    /// <summary>How often what the guest does is looked at, which costs its host more.</summary>
    private static readonly TimeSpan GuestPause = TimeSpan.FromSeconds(1);

    /// <summary>How long a look may take at least: one that was begun in time is no failure of the VM's.</summary>
    private static readonly TimeSpan LookPatience = TimeSpan.FromSeconds(5);

    /// <summary>Waits until the VM is in a state, at most <paramref name="patience"/>; null: it has none to be off in, and is gone.</summary>
    /// <exception cref="HypervisorException">
    /// TimedOut: it is not, or its host does not tell. VMNotFound: it is not on its host any more.
    /// </exception>
    public static Task<KumoiVM?> WaitAsync(
        KumoiVM vm, PowerState state, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken) => UntilAsync(
        vm,
        async token =>
        {
            var now = await FleetReads.ReadVMAsync(vm, token);
            return now is null && state is PowerState.Shutoff && !vm.IsPersistent ? Look.Wanted(null)
                : now is null ? throw NoLongerThere(vm.Name, vm.VMHost)
                : now.State == state ? Look.Wanted(now)
                : Look.Of(seconds => $"'{vm.Name}' is {now.State} after {seconds} s, and not {state}.");
        },
        $"is {state}", "look what keeps it: Get-KumoiEvent, Get-KumoiVMScreenshot.", StatePause, patience, time, cancellationToken);

    /// <summary>Waits until the VM runs, and its guest's agent is connected, at most <paramref name="patience"/>.</summary>
    /// <exception cref="HypervisorException">
    /// InvalidState: it is off, or has no channel for an agent. TimedOut: it is not connected, or its host does not tell. VMNotFound: it is
    /// not on its host any more.
    /// </exception>
    public static async Task<KumoiVM> WaitForAgentAsync(
        KumoiVM vm, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken) => (await UntilAsync(
        vm,
        async token =>
        {
            var now = await ReadOnAsync(vm, "agent", token);
            return await now.Connection.Link.SendAsync(new ReadGuestAgent(now.Id), token) switch
            {
                GuestAgentState.None => throw new HypervisorException(
                    $"'{vm.Name}' has no channel for a guest agent.", FaultDomain.VM, error: HypervisorError.InvalidState,
                    recommendedAction: $"Give it one while it is off: a <channel> with the target '{GuestAgentDefinition.ChannelName}', by "
                        + "Set-KumoiVM -Xml. New-KumoiVM makes one unless -Minimal is given."),
                GuestAgentState.Connected when now.State is PowerState.Running => Look.Wanted(now),
                _ when now.State is not PowerState.Running => Look.Of(
                    seconds => $"'{vm.Name}' is {now.State} after {seconds} s: its guest agent cannot answer."),
                _ => Look.Of(seconds => $"The guest agent of '{vm.Name}' is not connected after {seconds} s."),
            };
        },
        "has its guest agent connected",
        "look whether qemu-guest-agent is installed and started in the guest: Get-KumoiVMScreenshot shows its screen.",
        GuestPause, patience, time, cancellationToken))!;

    /// <summary>
    /// Waits until an address of the VM is known under which others reach it, at most <paramref name="patience"/>. It has
    /// <see cref="KumoiVM.Addresses"/> then.
    /// </summary>
    /// <exception cref="HypervisorException">
    /// InvalidState: it is off, or has no network adapter. TimedOut: none is known, or its host does not tell. VMNotFound: it is not on its
    /// host any more.
    /// </exception>
    public static async Task<KumoiVM> WaitForAddressAsync(
        KumoiVM vm, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken) => (await UntilAsync(
        vm,
        async token =>
        {
            var now = await ReadOnAsync(vm, "address", token);
            var adapters = await now.Connection.Link.SendAsync(
                new ReadAdapters(now.Id, AddressSources.Host | AddressSources.Guest), token);
            string[] addresses = [.. adapters.SelectMany(static adapter => adapter.Addresses ?? []).Distinct(StringComparer.Ordinal)];
            return adapters.Count == 0
                ? throw new HypervisorException(
                    $"'{vm.Name}' has no network adapter.", FaultDomain.VM, error: HypervisorError.InvalidState,
                    recommendedAction: "Give it one with Add-KumoiNetworkAdapter.")
                : addresses.Length > 0 ? Look.Wanted(
                    new KumoiVM(now.Connection, now.Reading, xml: now.Xml) { Addresses = addresses })
                : Look.Of(seconds => now.State is PowerState.Running
                    ? $"No address of '{vm.Name}' is known after {seconds} s."
                    : $"'{vm.Name}' is {now.State} after {seconds} s, and no address of it is known.");
        },
        "has an address",
        "look whether its guest is up and asks for one: Get-KumoiVMScreenshot, Get-KumoiNetworkAdapter, Get-KumoiDhcpLease.",
        GuestPause, patience, time, cancellationToken))!;

    /// <summary>The VM as it is now. One that is off has no guest to wait for.</summary>
    private static async Task<KumoiVM> ReadOnAsync(KumoiVM vm, string wanted, CancellationToken cancellationToken)
    {
        var now = await ReadAgainAsync(vm, cancellationToken);
        return now.State is not (PowerState.Shutoff or PowerState.Crashed)
            ? now
            : throw new HypervisorException(
                $"'{vm.Name}' is {now.State}: it has no {wanted} before it is started.", FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: $"Start it: Start-KumoiVM '{vm.Name}'");
    }

    /// <summary>Looks again and again, until it is as wanted or the time is up. What its host does not tell may be told at the next look.</summary>
    private static async Task<KumoiVM?> UntilAsync(
        KumoiVM vm, Func<CancellationToken, Task<Look>> look, string wanted, string otherwise, TimeSpan pause, TimeSpan patience,
        TimeProvider time, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var seen = await TryAsync(vm, look, wanted, Longer(Left(), LookPatience), time, cancellationToken);
            if (seen.IsWanted)
            {
                return seen.VM;
            }

            if (Left() is var left && left <= TimeSpan.Zero)
            {
                throw new HypervisorException(
                    seen.Otherwise(FormattableString.Invariant($"{patience.TotalSeconds:0.#}")),
                    seen.Failure?.FaultDomain ?? FaultDomain.VM, error: HypervisorError.TimedOut,
                    recommendedAction: seen.Failure?.RecommendedAction ?? $"Wait longer with -TimeoutSec, or {otherwise}",
                    innerException: seen.Failure);
            }

            await Task.Delay(left < pause ? left : pause, time, cancellationToken);
        }

        TimeSpan Left() => patience - time.GetElapsedTime(began);
    }

    private static async Task<Look> TryAsync(
        KumoiVM vm, Func<CancellationToken, Task<Look>> look, string wanted, TimeSpan longest, TimeProvider time,
        CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            return await look(either.Token);
        }
        catch (HypervisorException e) when (e.IsTransient || e.FaultDomain is FaultDomain.Host or FaultDomain.Network)
        {
            return Unknown(e.Message) with { Failure = e };
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return Unknown($"{vm.VMHost} did not answer.");
        }

        Look Unknown(string why) => Look.Of(seconds => $"It is not known after {seconds} s whether '{vm.Name}' {wanted}: {why}");
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

    /// <summary>What was seen once.</summary>
    private sealed record Look
    {
        public bool IsWanted { get; private init; }

        public KumoiVM? VM { get; private init; }

        /// <summary>What it is instead, by the seconds that it was waited for.</summary>
        public Func<string, string> Otherwise { get; private init; } = static _ => "";

        /// <summary>Why it is not known; null: it is.</summary>
        public HypervisorException? Failure { get; init; }

        public static Look Wanted(KumoiVM? vm) => new() { IsWanted = true, VM = vm };

        public static Look Of(Func<string, string> otherwise) => new() { Otherwise = otherwise };
    }
}
