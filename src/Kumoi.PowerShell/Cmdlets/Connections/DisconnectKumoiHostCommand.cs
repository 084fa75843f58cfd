using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

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
        // Also what could not be connected: it is not looked for any more.
        var unconnected = VMHost.Where(host => host.Value is string)
            .SelectMany(host => Names.Choose(Fleet.Unconnected, known => known.Name, [host.Name])).Distinct().ToList();
        foreach (var host in unconnected.Where(host => ShouldProcess(host.Name, "Disconnect")))
        {
            Fleet.Forget(host);
        }

        var names = unconnected.Select(host => host.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var references = VMHost.Where(
            host => host.Name.IsPattern || Fleet.Find(host.Name.Literal) is not null || !names.Contains(host.Name.Literal)).ToList();
        foreach (var host in references.Count == 0 ? [] : FindHosts(references))
        {
            if (ShouldProcess(host.Name, "Disconnect"))
            {
                Await(Fleet.DisconnectAsync(host));
            }
        }
    }
}
