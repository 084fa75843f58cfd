using System.Xml.Linq;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>Makes the standbys of a pair, and the gates of their consoles.</summary>
internal sealed class StandbyMaker(PairPlan plan, ConsoleLog log, TimeProvider time)
{
    private static readonly TimeSpan RemovalPatience = TimeSpan.FromSeconds(3);

    private readonly StandbyNumbers _numbers = new();

    /// <summary>The number of the next one, which is neither the VM nor has the last checkpoint that counts.</summary>
    public int Next(CheckpointJob job, CheckpointMark? committed) =>
        _numbers.Next((job.Backup ?? throw StandbyStart.NoBackup()).HostName, job.Standby, committed?.Standby);

    /// <summary>Starts one on the job's backup, in place of what was left there. The gate of its console is the caller's.</summary>
    public async Task<ConsoleGate> StartAsync(
        CheckpointJob job, int number, string attempt, CancellationToken cancellationToken, Action<XElement>? adapt = null)
    {
        var id = PairDomains.Of(plan.VM, number);
        var host = job.Backup ?? throw StandbyStart.NoBackup();
        await RemoveOldAsync(host, number, cancellationToken);
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
    private async Task RemoveOldAsync(IHypervisorLink host, int number, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(RemovalPatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await host.SendAsync(new RemoveStandby(plan.VM, PairDomains.Of(plan.VM, number)), either.Token);
        }
        catch (HypervisorException)
        {
            _numbers.LeaveOut(host.HostName, number);
            throw;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            _numbers.LeaveOut(host.HostName, number);
            throw new HypervisorException(
                $"{host.HostName} does not remove an old standby.", FaultDomain.Host, isTransient: true, error: HypervisorError.TimedOut,
                innerException: e, recommendedAction: "Another one is made instead. Restart the host's libvirt daemon to be rid of it.");
        }
    }

    /// <summary>
    /// The gate that the standby's console is connected to: that which this controller has made, or a new one, which the console finds.
    /// </summary>
    public async Task<ConsoleGate> GateAsync(
        ConsoleGate? known, IHypervisorLink host, int number, long from, CancellationToken cancellationToken)
    {
        if (known is not null)
        {
            known.BeginAt(from);
            return known;
        }

        var gate = new ConsoleGate(plan.ConsoleSocketOf(number), log, from, plan.MaxHeldBytes);
        try
        {
            await StandbyStart.ConnectedAsync(plan, host, PairDomains.Of(plan.VM, number), gate, time, cancellationToken);
            return gate;
        }
        catch
        {
            gate.Dispose(); // or the next one could not listen there
            throw;
        }
    }
}
