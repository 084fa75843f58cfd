using System.Management.Automation;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Reads events out of the journal.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiEvent", DefaultParameterSetName = "All")]
[OutputType(typeof(KumoiEvent))]
public sealed class GetKumoiEventCommand : JournalCmdlet
{
    [Parameter(Position = 0)]
    public KumoiEventKind[] Kind { get; set; } = [];

    /// <summary>Only events of this moment or later.</summary>
    [Parameter]
    public DateTime? After { get; set; }

    /// <summary>Only events before this moment.</summary>
    [Parameter]
    public DateTime? Before { get; set; }

    /// <summary>How many to take from the beginning.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "First")]
    [ValidateRange(0, int.MaxValue)]
    public int First { get; set; }

    /// <summary>How many to take from the end.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Last")]
    [ValidateRange(0, int.MaxValue)]
    public int Last { get; set; }

    private protected override void Read(IJournal journal)
    {
        var isLast = ParameterSetName is "Last";
        var query = new EventQuery { Kinds = Kind, After = After, Before = Before, NewestFirst = isLast };
        var isOfHost = HostMatcher();
        var isOfVM = VMMatcher();
        var events = Best(
            Enumerate(token => journal.ReadEventsAsync(query, token))
                .Where(happened => (VMHost.Length == 0 || (happened.VMHost is { } host && isOfHost(host))) && isOfVM(happened.VM, null)),
            happened => [happened.VMHost], happened => happened.VM, _ => null);
        var chosen = ParameterSetName switch
        {
            "First" => events.Take(First),
            "Last" => events.Take(Last).Reverse(),
            _ => events,
        };
        foreach (var happened in chosen)
        {
            WriteObject(happened);
        }
    }
}
