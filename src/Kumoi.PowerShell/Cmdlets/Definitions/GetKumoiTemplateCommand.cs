using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the templates of hosts.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiTemplate")]
[OutputType(typeof(KumoiTemplate))]
public sealed class GetKumoiTemplateCommand : HostPartCmdlet<KumoiTemplate>
{
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(TemplateNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    private protected override IEnumerable<KumoiTemplate> Read(IReadOnlyList<KumoiConnection> hosts) =>
        FindTemplates(hosts, Name);
}
