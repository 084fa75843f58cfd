using System.Text.Json.Nodes;
using Kumoi.FaultTolerance.Gates;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>What is asked of a standby that was started, and whether it is there.</summary>
internal static class StandbyStart
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(3);

    /// <summary>How long the console of a standby may take to find its gate again.</summary>
    private static readonly TimeSpan ConsolePatience = TimeSpan.FromSeconds(5);

    /// <summary>Whether the host has the standby of that number, for that attempt.</summary>
    /// <exception cref="HypervisorException">That is not known.</exception>
    public static async Task<bool> IsThereAsync(
        IHypervisorLink host, Guid vm, int? number, string attempt, CancellationToken cancellationToken)
    {
        try
        {
            var domain = DomainDefinition.Parse(await host.SendAsync(new ReadXml(PairDomains.Of(vm, number)), cancellationToken));
            return StandbyMark.AttemptOf(domain) == attempt;
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.VMNotFound)
        {
            return false;
        }
    }

    /// <summary>
    /// The VM's console, if it has one, is at the gate, or has had its time: what a VM puts out at a console that is not connected goes
    /// nowhere.
    /// </summary>
    public static async Task ConnectedAsync(
        PairPlan plan, IHypervisorLink host, Guid domain, ConsoleGate gate, TimeProvider time, CancellationToken cancellationToken)
    {
        if (PairConsole.IsIn(DomainDefinition.Parse(await host.SendAsync(new ReadXml(domain), cancellationToken)), plan.Folder))
        {
            using var limit = new CancellationTokenSource(ConsolePatience, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            try
            {
                await gate.Connected.WaitAsync(either.Token);

                // QEMU learns of it a little later than its gate. Only what libvirt alone protects is not asked.
                while (domain != plan.VM && await IsUnconnectedAsync(plan, host, domain, either.Token))
                {
                    await Task.Delay(BetweenLooks, time, either.Token);
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // It has had its time.
            }
        }
    }

    private static async Task<bool> IsUnconnectedAsync(
        PairPlan plan, IHypervisorLink host, Guid domain, CancellationToken cancellationToken)
    {
        var ports = await host.SendAsync(new QemuCommand(domain, "query-chardev"), cancellationToken);
        return ports.EnumerateArray().Select(static port => port.GetProperty("filename").GetString() ?? "").Any(
            name => name.StartsWith("disconnected:", StringComparison.Ordinal) && name.Contains(plan.Folder, StringComparison.Ordinal));
    }

    /// <summary>The standby has taken the state as a whole.</summary>
    public static async Task LoadedAsync(IHypervisorLink host, Guid standby, TimeProvider time, CancellationToken cancellationToken)
    {
        while (await StatusAsync(host, standby, cancellationToken) is not "completed" and var status)
        {
            if (status is "failed")
            {
                throw new HypervisorException(
                    $"The standby on {host.HostName} could not take a checkpoint.", FaultDomain.Host, isTransient: true,
                    error: HypervisorError.Aborted, recommendedAction: "See QEMU's log of the standby on its host.");
            }

            await Task.Delay(BetweenLooks, time, cancellationToken);
        }
    }

    /// <summary>How far the standby is with a state; null: none has come.</summary>
    public static async Task<string?> StatusAsync(IHypervisorLink host, Guid standby, CancellationToken cancellationToken)
    {
        var info = await host.SendAsync(new QemuCommand(standby, "query-migrate"), cancellationToken);
        return info.TryGetProperty("status", out var status) ? status.GetString() : null;
    }

    /// <summary>The network's switches learn where the VM is now.</summary>
    public static async Task AnnounceAsync(IHypervisorLink host, Guid standby, CancellationToken cancellationToken) =>
        await host.SendAsync(
            new QemuCommand(standby, "announce-self", new JsonObject { ["initial"] = 50, ["max"] = 550, ["rounds"] = 5, ["step"] = 100 }),
            cancellationToken);

    public static HypervisorException NoBackup() => new(
        "There is no backup host to keep checkpoints.", FaultDomain.Host, error: HypervisorError.InvalidState,
        recommendedAction: "Give the pair another host.");
}
