using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Removes injected faults: all, or some.</summary>
[Cmdlet(VerbsCommon.Clear, "KumoiFault", SupportsShouldProcess = true)]
public sealed class ClearKumoiFaultCommand : KumoiCmdlet
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    public int[] Id { get; set; } = [];

    protected override void ProcessRecord()
    {
        var known = Fleet.Faults.Rules.Select(entry => entry.Rule).ToList();
        foreach (var rule in known.Where(rule => Id.Length == 0 || Id.Contains(rule.Id)))
        {
            if (ShouldProcess($"{rule.Operation} on {rule.HostPattern}", "Remove fault"))
            {
                Fleet.Faults.Remove(rule.Id);
            }
        }

        foreach (var id in Id.Where(id => known.TrueForAll(rule => rule.Id != id)))
        {
            WriteError(Errors.NotFound($"There is no fault {id}.", id, "Get-KumoiFault lists them."));
        }
    }
}
