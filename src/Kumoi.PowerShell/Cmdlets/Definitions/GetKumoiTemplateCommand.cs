using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the templates of hosts.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiTemplate")]
[OutputType(typeof(KumoiTemplate))]
public sealed class GetKumoiTemplateCommand : FleetCmdlet
{
    private readonly List<KumoiConnection> _hosts = [];

    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(TemplateNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>Only of these hosts.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Whether a name is missing is known at the end.</summary>
    protected override void ProcessRecord() => _hosts.AddRange(FindHosts(VMHost));

    protected override void EndProcessing()
    {
        foreach (var template in FindTemplates(_hosts, Name))
        {
            WriteObject(template);
        }
    }
}
