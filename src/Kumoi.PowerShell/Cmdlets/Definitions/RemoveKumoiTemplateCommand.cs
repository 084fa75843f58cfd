using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Removes templates of which there are no linked copies. Their disks stay unless -RemoveDisk.</summary>
[Cmdlet(
    VerbsCommon.Remove, "KumoiTemplate", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = ByName)]
public sealed class RemoveKumoiTemplateCommand : ActionCmdlet
{
    private const string ByTemplate = "Template";
    private const string ByName = "Name";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByName)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(TemplateNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>Where to look; else on all connected hosts.</summary>
    [Parameter(ParameterSetName = ByName)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Templates, from Get-KumoiTemplate.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ByTemplate)]
    [ValidateNotNullOrEmpty]
    public KumoiTemplate[] Template { get; set; } = [];

    /// <summary>Deletes the volumes of its disks too.</summary>
    [Parameter]
    public SwitchParameter RemoveDisk { get; set; }

    /// <summary>Does not ask.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override bool AsksFirst => !Force;

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        bool removeDisk = RemoveDisk;
        var templates = ParameterSetName == ByTemplate ? Template : FindTemplates(FindHosts(VMHost), Name);
        foreach (var template in templates.ToList())
        {
            yield return new ActionRequest.OnWorker
            {
                Target = template,
                ShouldProcessTarget = $"{template.Name} on {template.VMHost}",
                Verb = removeDisk ? "Remove template with its disks" : "Remove template",
                Work = async (_, token) =>
                {
                    await VMActions.RemoveTemplateAsync(template, removeDisk, token);
                    return ActionResult.None;
                },
            };
        }
    }
}
