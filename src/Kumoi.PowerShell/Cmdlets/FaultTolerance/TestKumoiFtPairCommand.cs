using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Tries out whether the backup hosts of VMs could take over. The VMs run on, and nothing is left on the backups.</summary>
[Cmdlet(VerbsDiagnostic.Test, "KumoiFtPair", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
[OutputType(typeof(KumoiFtDrill))]
public sealed class TestKumoiFtPairCommand : FtPairActionCmdlet
{
    private protected override string Verb => "Try out what the backup would do";

    private protected override async Task<object> ActAsync(KumoiFtPair pair, CancellationToken cancellationToken) =>
        await KumoiSession.Pairs.DrillAsync(pair, cancellationToken);
}
