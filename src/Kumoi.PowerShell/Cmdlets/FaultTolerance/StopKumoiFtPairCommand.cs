using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Ends the protection of VMs, which run on as they are.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiFtPair", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiFtPair))]
public sealed class StopKumoiFtPairCommand : FtPairCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(FtPairCompleter))]
    public string[] VM { get; set; } = [];

    private protected override string[] Given => VM;

    protected override void ProcessRecord() =>
        ForEach("End the protection", async pair => await KumoiSession.Pairs.StopAsync(pair, StopToken));
}
