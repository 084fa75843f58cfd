using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>The hosts that the session is connected to.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiConnection")]
[OutputType(typeof(KumoiConnection))]
public sealed class GetKumoiConnectionCommand : FleetCmdlet
{
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    protected override void ProcessRecord() => WriteObject(FindHosts(VMHost), enumerateCollection: true);
}
