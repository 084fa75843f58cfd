using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Lets the backup hosts of VMs take over, as planned.</summary>
[Cmdlet(VerbsCommon.Switch, "KumoiFtPair", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiFtPair))]
public sealed class SwitchKumoiFtPairCommand : FtPairActionCmdlet
{
    private protected override string Verb => "Let the backup take over";

    private protected override async Task<object> ActAsync(KumoiFtPair pair, CancellationToken cancellationToken) =>
        await KumoiSession.Pairs.SwitchAsync(pair, cancellationToken);
}
