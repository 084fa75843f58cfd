using System.Management.Automation;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Pumping;

/// <summary>
/// Takes in its whole input, lets some of it pass, and keeps the rest as reserve: whatever stands above is never run again.
/// </summary>
public abstract class SelectElementCmdlet : KumoiCmdlet
{
    private readonly List<object> _input = [];
    private PipelineLocation? _location;
    private PipelineRun? _opened;

    /// <summary>How many to take from the beginning.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = "First")]
    [ValidateRange(0, int.MaxValue)]
    public int First { get; set; }

    /// <summary>How many to take from the end.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Last")]
    [ValidateRange(0, int.MaxValue)]
    public int Last { get; set; }

    private protected abstract object Input { get; }

    protected override void BeginProcessing()
    {
        _location = PipelineLocation.Of(this);
        if (_location is not null && PipelineRun.Find(_location) is null)
        {
            _opened = PipelineRun.Open(_location);
        }
    }

    protected override void ProcessRecord() => _input.Add(Input);

    protected override void EndProcessing()
    {
        var fromEnd = string.Equals(ParameterSetName, "Last", StringComparison.Ordinal);
        var selection = new HeldSelection(
            _location is null ? null : PipelineRun.Find(_location), _location?.Position ?? 0,
            _location?.Command.Extent.Text ?? MyInvocation.MyCommand.Name, fromEnd, fromEnd ? Last : First);
        var held = _input.Select(selection.AddCopy).ToList();
        foreach (var index in selection.Choose(new HashSet<int>()))
        {
            WriteObject(held[index]);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _opened?.Dispose();
        }

        base.Dispose(disposing);
    }
}
