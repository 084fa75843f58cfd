using System.Management.Automation;
using Kumoi.Lineage;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>What lineage did: in the last pipeline, or in the one that an object came out of.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiLineage")]
[OutputType(typeof(LineageTrace))]
public sealed class GetKumoiLineageCommand : PSCmdlet
{
    private bool _hadInput;

    /// <summary>An object that came out of a Kumoi pipeline.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is null)
        {
            return;
        }

        _hadInput = true;
        if (LineageSource.OriginOf(InputObject.BaseObject)?.Trace is { } trace)
        {
            WriteObject(trace);
        }
    }

    protected override void EndProcessing()
    {
        if (!_hadInput && LastTrace.Get() is { } trace)
        {
            WriteObject(trace);
        }
    }
}
