using System.Management.Automation;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Pumping;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Closes the links to hosts. The hosts and their VMs stay as they are.</summary>
[Cmdlet(VerbsCommunications.Disconnect, "KumoiHost", SupportsShouldProcess = true)]
public sealed class DisconnectKumoiHostCommand : FleetCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    protected override void ProcessRecord()
    {
        foreach (var host in FindHosts(VMHost))
        {
            if (ShouldProcess(host.Name, "Disconnect"))
            {
                Await(Fleet.DisconnectAsync(host));
            }
        }
    }
}
