using System.Text.Json.Nodes;
using System.Xml.Linq;
using Kumoi.FaultTolerance.Gates;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>Makes standbys, and tells whether they are there.</summary>
internal static class StandbyStart
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(3);

    private static readonly TimeSpan RemovalPatience = TimeSpan.FromSeconds(3);

    /// <summary>How long the console of a standby may take to find its gate again.</summary>
    private static readonly TimeSpan ConsolePatience = TimeSpan.FromSeconds(5);

    /// <summary>Starts one on the job's backup, in place of what was left there. The gate of its console is the caller's.</summary>
    public static async Task<ConsoleGate> StartAsync(
        PairPlan plan, ConsoleLog log, CheckpointJob job, StandbyNumbers numbers, int number, string attempt, TimeProvider time,
        CancellationToken cancellationToken, Action<XElement>? adapt = null)
    {
        var id = PairDomains.Of(plan.VM, number);
        var host = job.Backup ?? throw NoBackup();
        await RemoveOldAsync(plan.VM, host, numbers, number, time, cancellationToken);
        var live = DomainDefinition.Parse(
            await job.Primary.SendAsync(new ReadXml(PairDomains.Of(plan.VM, job.Standby)), cancellationToken));
        var gate = new ConsoleGate(plan.ConsoleSocketOf(number), log, from: 0, plan.MaxHeldBytes);
        try
        {
            var definition = StandbyDefinition.Of(live, plan, job.Standby, number, attempt);
            adapt?.Invoke(definition);
            await host.SendAsync(new StartStandby(plan.VM, id, definition.ToString()), cancellationToken);
            return gate;
        }
        catch
        {
            gate.Dispose();
            throw;
        }
    }

    /// <summary>What a failed attempt has left, or a controller that is dead.</summary>
    private static async Task RemoveOldAsync(
        Guid vm, IHypervisorLink host, StandbyNumbers numbers, int number, TimeProvider time, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(RemovalPatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await host.SendAsync(new RemoveStandby(vm, PairDomains.Of(vm, number)), either.Token);
        }
        catch (HypervisorException)
        {
            numbers.LeaveOut(host.HostName, number);
            throw;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            numbers.LeaveOut(host.HostName, number);
            throw new HypervisorException(
                $"{host.HostName} does not remove an old standby.", FaultDomain.Host, isTransient: true, error: HypervisorError.TimedOut,
                innerException: e, recommendedAction: "Another one is made instead. Restart the host's libvirt daemon to be rid of it.");
        }
    }

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
    /// The gate that the standby's console is connected to: that which this controller has made, or a new one, which the console finds.
    /// </summary>
    public static async Task<ConsoleGate> GateAsync(
        PairPlan plan, ConsoleLog log, ConsoleGate? known, IHypervisorLink host, int number, long from, TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (known is not null)
        {
            known.BeginAt(from);
            return known;
        }

        var gate = new ConsoleGate(plan.ConsoleSocketOf(number), log, from, plan.MaxHeldBytes);
        await ConnectedAsync(plan, host, PairDomains.Of(plan.VM, number), gate, time, cancellationToken);
        return gate;
    }

    /// <summary>
    /// The VM's console, if it has one, is at the gate, or has had its time: what a VM puts out at a console that is not connected goes
    /// nowhere.
    /// </summary>
    public static async Task ConnectedAsync(
        PairPlan plan, IHypervisorLink host, Guid domain, ConsoleGate gate, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!gate.Connected.IsCompleted
            && PairConsole.IsIn(DomainDefinition.Parse(await host.SendAsync(new ReadXml(domain), cancellationToken)), plan.Folder))
        {
            await Task.WhenAny(gate.Connected, Task.Delay(ConsolePatience, time, cancellationToken));
        }
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

    /// <summary>A standby that announced itself would draw the VM's packets to where nobody takes them.</summary>
    public static async Task KeepQuietAsync(IHypervisorLink host, Guid standby, CancellationToken cancellationToken) =>
        await host.SendAsync(
            new QemuCommand(standby, "migrate-set-parameters", new JsonObject { ["announce-rounds"] = 0 }), cancellationToken);

    /// <summary>The network's switches learn where the VM is now.</summary>
    public static async Task AnnounceAsync(IHypervisorLink host, Guid standby, CancellationToken cancellationToken) =>
        await host.SendAsync(
            new QemuCommand(standby, "announce-self", new JsonObject { ["initial"] = 50, ["max"] = 550, ["rounds"] = 5, ["step"] = 100 }),
            cancellationToken);

    public static HypervisorException NoBackup() => new(
        "There is no backup host to keep checkpoints.", FaultDomain.Host, error: HypervisorError.InvalidState,
        recommendedAction: "Give the pair another host.");
}
