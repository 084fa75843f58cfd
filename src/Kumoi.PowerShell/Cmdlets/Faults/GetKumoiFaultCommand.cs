using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>The injected faults, and how often each has hit.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiFault")]
[OutputType(typeof(KumoiFault))]
public sealed class GetKumoiFaultCommand : KumoiCmdlet
{
    [Parameter(Position = 0)]
    public int[] Id { get; set; } = [];

    protected override void EndProcessing()
    {
        foreach (var (rule, hits) in Fleet.Faults.Rules)
        {
            if (Id.Length == 0 || Id.Contains(rule.Id))
            {
                WriteObject(new KumoiFault(rule, hits));
            }
        }
    }
}
