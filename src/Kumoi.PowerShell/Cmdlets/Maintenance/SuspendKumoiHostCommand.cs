using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.Workloads.Maintenance;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Puts hosts into maintenance: they get no VMs any more, and those that run on them are moved away, live.</summary>
[Cmdlet(VerbsLifecycle.Suspend, "KumoiHost", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiHost), typeof(KumoiPlanStep))]
public sealed class SuspendKumoiHostCommand : EvacuatingCmdlet
{
    private readonly List<KumoiConnection> _hosts = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Only to these hosts; else to all that have room.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] Destination { get; set; } = [];

    /// <summary>The VMs stay, and run on.</summary>
    [Parameter]
    public SwitchParameter NoEvacuate { get; set; }

    /// <summary>Also writes the hosts as they are then.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord() => _hosts.AddRange(FindHosts(VMHost).Where(host => !_hosts.Contains(host)));

    private string Verb => NoEvacuate ? "Put into maintenance" : "Put into maintenance, and move its VMs away";

    protected override void EndProcessing()
    {
        if (IsForJob)
        {
            HandOver(_hosts, Verb);
            return;
        }

        var destinations = Destination.Length == 0 ? Fleet.Hosts : FindHosts(Destination);
        if (IsWhatIf())
        {
            Plan(destinations);
            return;
        }

        // First all marks: no VM goes from one of these hosts to another.
        var suspended = _hosts.Where(Mark).ToList();
        foreach (var host in suspended)
        {
            WriteProgress(new ProgressRecord(0, MyInvocation.MyCommand.Name, host.Name));
            try
            {
                if (!NoEvacuate && !Tell(SettleWithWarnings(() => Evacuation(host, destinations).RunAsync(begun: null, StopToken))))
                {
                    WriteWarning(StaysIn(host));
                }

                if (PassThru)
                {
                    WriteObject(Await(FleetReads.ReadHostAsync(host, StopToken)));
                }
            }
            catch (PipelineStoppedException)
            {
                WarnWhenStopped($"Stopped, with {string.Join(", ", suspended)} in maintenance. The same command goes on; Resume-KumoiHost "
                    + "takes back into service.");
                throw;
            }
            catch (Exception e)
            {
                WriteFailure(e, host.Name);
                WriteWarning(StaysIn(host));
                if (e is JournalException)
                {
                    break;
                }
            }
        }
    }

    private static string StaysIn(KumoiConnection host) =>
        $"{host.Name} stays in maintenance, with VMs on it. Run it again, or take it back: Resume-KumoiHost {host.Name}";

    /// <summary>Whether it is to be emptied.</summary>
    private bool Mark(KumoiConnection host)
    {
        if (!ShouldProcess(host.Name, Verb))
        {
            return false;
        }

        try
        {
            if (!Settle(HostMaintenance.SuspendAsync(host, rollingUpgrade: null, StopToken)))
            {
                WriteVerbose($"{host.Name} is in maintenance already.");
            }

            return true;
        }
        catch (Exception e) when (e is not PipelineStoppedException)
        {
            WriteFailure(e, host.Name);
            return false;
        }
    }

    private Evacuation Evacuation(KumoiConnection host, IReadOnlyList<KumoiConnection> destinations) =>
        new(Fleet, host, destinations, tier: null, Limits, CreateOptions());

    private void Plan(IReadOnlyList<KumoiConnection> destinations)
    {
        foreach (var host in _hosts)
        {
            WriteObject(
                new KumoiPlanStep
                {
                    Order = 1,
                    Action = PlanAction.SuspendHost,
                    Name = host.Name,
                    VMHost = host.Name,
                    Reason = "maintenance"
                });
        }

        try
        {
            if (!NoEvacuate && _hosts.Count > 0)
            {
                WritePlan(
                    Await(Workloads.Maintenance.Evacuation.PlanAsync(Fleet, _hosts, destinations, Limits, CreateOptions(), StopToken)));
            }
        }
        catch (Exception e) when (e is not PipelineStoppedException)
        {
            WriteFailure(e, null);
        }
    }
}
