using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Lets the backup hosts of VMs take over, as planned.</summary>
[Cmdlet(VerbsCommon.Switch, "KumoiFtPair", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiFtPair))]
public sealed class SwitchKumoiFtPairCommand : FtPairCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(FtPairCompleter))]
    public string[] VM { get; set; } = [];

    private protected override string[] Given => VM;

    protected override void ProcessRecord() =>
        ForEach("Let the backup take over", async pair => await KumoiSession.Pairs.SwitchAsync(pair, StopToken));
}
