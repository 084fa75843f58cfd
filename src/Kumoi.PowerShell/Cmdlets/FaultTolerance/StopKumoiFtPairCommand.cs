using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Ends the protection of VMs, which run on as they are.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiFtPair", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiFtPair))]
public sealed class StopKumoiFtPairCommand : FtPairActionCmdlet
{
    private protected override string Verb => "End the protection";

    private protected override async Task<object> ActAsync(KumoiFtPair pair, CancellationToken cancellationToken) =>
        await KumoiSession.Pairs.StopAsync(pair, cancellationToken);
}
