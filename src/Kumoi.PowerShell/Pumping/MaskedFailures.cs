using System.Management.Automation;
using System.Text.Json.Nodes;
using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Pumping;

/// <summary>
/// The failures that one cmdlet has masked with -FailureOblivious. Each is told at once as an information record with the tag
/// <c>FailureOblivious</c>, and one warning at the end gives their number: masked is not silent.
/// </summary>
internal sealed class MaskedFailures(Cmdlet cmdlet, string operation)
{
    private readonly List<(string Element, Exception Cause)> _masked = [];

    /// <summary>Null where failures are not masked: the switch decides, or else the preference.</summary>
    public static MaskedFailures? Of(PSCmdlet cmdlet, SwitchParameter given) =>
        given || (!cmdlet.MyInvocation.BoundParameters.ContainsKey("FailureOblivious") && KumoiPreference.Of(cmdlet).FailureOblivious)
            ? new MaskedFailures(cmdlet, cmdlet.MyInvocation.MyCommand.Name)
            : null;

    /// <summary>A write that may have taken effect is never masked: it must be found out.</summary>
    public static bool CanBeMasked(Exception error) => error switch
    {
        HypervisorException e => !e.OutcomeUnknown,
        CompensationFailedException => false,
        ActionFailedException e => e.Records.TrueForAll(record => CanBeMasked(record.Exception)),
        OperationCanceledException or JournalException => false,
        _ => true,
    };

    public void Add(string element, Exception cause)
    {
        _masked.Add((element, cause));
        cmdlet.WriteInformation(
            new InformationRecord(new MaskedListFailure(operation, [(element, cause)]), operation) { Tags = { "FailureOblivious" } });
    }

    /// <summary>What was masked in a workload.</summary>
    public void AddAll(MaskLog log)
    {
        foreach (var failure in log.Failures.OfType<MaskedObjectFailure>())
        {
            for (var i = 0; i < failure.Count; i++)
            {
                Add(failure.Type, failure.Cause);
            }
        }
    }

    public void Warn()
    {
        if (_masked.Count > 0)
        {
            cmdlet.WriteWarning(
                $"{_masked.Count} {(_masked.Count == 1 ? "failure was" : "failures were")} masked: "
                + string.Join("; ", _masked.Select(masked => $"{masked.Element}: {masked.Cause.Message.TrimEnd('.')}").Distinct().Take(3))
                + (_masked.Count > 3 ? "; …" : ""));
            foreach (var repeated in _masked.GroupBy(masked => (masked.Element, masked.Cause.Message)))
            {
                KumoiSession.Fleet.Journal?.Tell(ToEvent(repeated.Key.Element, repeated.Key.Message, repeated.Count()));
            }
        }
    }

    private KumoiEvent ToEvent(string element, string cause, int count) => new()
    {
        At = DateTimeOffset.UtcNow,
        Kind = KumoiEventKind.FailureOblivious,
        VMHost = KumoiSession.Fleet.Find(element)?.Name,
        VM = KumoiSession.Fleet.Find(element) is null ? element : null,
        Message = $"{operation} left out {element}: {cause}",
        Data = new JsonObject { ["cmdlet"] = operation, ["element"] = element, ["cause"] = cause, ["count"] = count }.ToJsonString(),
    };
}
