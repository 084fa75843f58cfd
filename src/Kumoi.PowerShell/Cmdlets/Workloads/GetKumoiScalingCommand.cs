using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>The groups that this session scales in the background, or did.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiScaling")]
[OutputType(typeof(KumoiScaling))]
public sealed class GetKumoiScalingCommand : KumoiCmdlet
{
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ScalingGroupCompleter))]
    public string[] Group { get; set; } = [];

    protected override void EndProcessing()
    {
        IReadOnlyList<KumoiScaling> all = [.. KumoiSession.Scalings.Select(run => run.Status)];
        WriteObject(Names.Choose(all, status => status.Group, Names.Typed(Group)), enumerateCollection: true);
    }
}
