using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Tries out whether the backup hosts of VMs could take over. The VMs run on, and nothing is left on the backups.</summary>
[Cmdlet(VerbsDiagnostic.Test, "KumoiFtPair", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(KumoiFtDrill))]
public sealed class TestKumoiFtPairCommand : FtPairCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(FtPairCompleter))]
    public string[] VM { get; set; } = [];

    private protected override string[] Given => VM;

    protected override void ProcessRecord() =>
        ForEach("Try out what the backup would do", async pair => await KumoiSession.Pairs.DrillAsync(pair, StopToken));
}
