using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.Workloads.Maintenance;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Takes hosts out of maintenance, and brings their VMs back if asked.</summary>
[Cmdlet(VerbsLifecycle.Resume, "KumoiHost", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiHost), typeof(KumoiPlanStep))]
public sealed class ResumeKumoiHostCommand : MaintenanceCmdlet
{
    private readonly List<KumoiConnection> _hosts = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Brings back the VMs that were moved away for the maintenance, and still run where they were put then.</summary>
    [Parameter]
    public SwitchParameter ReturnVM { get; set; }

    /// <summary>Also writes the hosts as they are then.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord() => _hosts.AddRange(FindHosts(VMHost).Where(host => !_hosts.Contains(host)));

    private string Verb => ReturnVM ? "Take out of maintenance, and bring its VMs back" : "Take out of maintenance";

    protected override void EndProcessing()
    {
        if (IsForJob)
        {
            HandOver(_hosts, Verb);
            return;
        }

        foreach (var host in _hosts)
        {
            try
            {
                Resume(host);
            }
            catch (Exception e) when (e is not PipelineStoppedException)
            {
                WriteFailure(e, host.Name);
            }
        }
    }

    private void Resume(KumoiConnection host)
    {
        if (IsWhatIf())
        {
            WriteObject(
                new KumoiPlanStep
                {
                    Order = 1,
                    Action = PlanAction.ResumeHost,
                    Name = host.Name,
                    VMHost = host.Name,
                    Reason = "maintenance"
                });
        }
        else if (!ShouldProcess(host.Name, Verb))
        {
            return;
        }
        else if (!Settle(HostMaintenance.ResumeAsync(host, StopToken)))
        {
            WriteVerbose($"{host.Name} is not in maintenance.");
        }

        if (ReturnVM && Await(MaintenanceStay.ReadAsync(host, StopToken)) is { } stay)
        {
            Return(host, stay);
        }

        if (PassThru && !IsWhatIf())
        {
            WriteObject(Await(FleetReads.ReadHostAsync(host, StopToken)));
        }
    }

    private void Return(KumoiConnection host, MaintenanceStay stay)
    {
        var homecoming = new VMReturn(Fleet, host, Fleet.Hosts, stay, Limits, CreateOptions());
        if (IsWhatIf())
        {
            WritePlan(Await(homecoming.PlanAsync(StopToken)));
        }
        else
        {
            Tell(SettleWithWarnings(() => homecoming.RunAsync(begun: null, StopToken)));
        }
    }
}
