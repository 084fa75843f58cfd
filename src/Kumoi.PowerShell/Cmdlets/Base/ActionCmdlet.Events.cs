using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Journal;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <content>What lineage did, as events in the journal.</content>
public abstract partial class ActionCmdlet
{
    /// <summary>
    /// One event and a line in the journal. <paramref name="element"/> is what failed, as the cmdlet was given it. A journal that cannot be
    /// written is a warning: what happened has happened.
    /// </summary>
    private void Record(KumoiEventKind kind, object element, string message, params IEnumerable<(string Name, string? Value)> data)
    {
        var happened = new KumoiEvent
        {
            At = DateTimeOffset.UtcNow,
            Kind = kind,
            VMHost = element switch
            {
                KumoiVM vm => vm.VMHost,
                KumoiHost host => host.Name,
                KumoiTemplate template => template.VMHost,
                _ => Fleet.Find(element.ToString()!)?.Name,
            },
            VM = (element as KumoiVM)?.Name ?? (element as KumoiTemplate)?.Name,
            Message = message,
            Data = new JsonObject(
                data.Prepend(("element", element.ToString())).Prepend(("cmdlet", MyInvocation.MyCommand.Name))
                    .Select(pair => KeyValuePair.Create(pair.Item1, (JsonNode?)pair.Item2))).ToJsonString(),
        };
        try
        {
            Await(Fleet.Journal!.AppendAsync(happened, StopToken));
        }
        catch (JournalException e)
        {
            WriteWarning($"An event could not be recorded: {e.Message} {e.RecommendedAction}");
        }
    }

    /// <summary>Warns that the journal lacks something that happened: an outcome, or an event of a connection.</summary>
    private void WarnOfJournal()
    {
        if (KumoiSession.HasFleet && Fleet.Journal?.TakeFailure() is { } failure)
        {
            _output.WriteWarning(
                Visible.Lines($"The outcome of an operation could not be recorded: {failure.Message} {failure.RecommendedAction}"));
        }
    }
}
