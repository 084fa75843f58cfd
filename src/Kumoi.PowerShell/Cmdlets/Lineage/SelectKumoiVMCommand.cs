using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <inheritdoc/>
[Cmdlet(VerbsCommon.Select, "KumoiVM", DefaultParameterSetName = "First")]
[OutputType(typeof(KumoiVM))]
public sealed class SelectKumoiVMCommand : SelectElementCmdlet
{
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    public KumoiVM? InputObject { get; set; }

    private protected override object Input => InputObject!;
}
