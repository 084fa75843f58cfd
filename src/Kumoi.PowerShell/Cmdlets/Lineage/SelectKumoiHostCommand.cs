using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <inheritdoc/>
[Cmdlet(VerbsCommon.Select, "KumoiHost", DefaultParameterSetName = "First")]
[OutputType(typeof(KumoiHost))]
public sealed class SelectKumoiHostCommand : SelectElementCmdlet
{
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    public KumoiHost? InputObject { get; set; }

    private protected override object Input => InputObject!;
}
