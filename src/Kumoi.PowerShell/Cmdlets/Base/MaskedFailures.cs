using System.Management.Automation;
using Kumoi.FailureOblivious;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Jobs;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// The failures that one cmdlet has masked with -FailureOblivious. Each is told at once as an information record with the tag
/// <c>FailureOblivious</c>, and one warning at the end gives their number: masked is not silent.
/// </summary>
internal sealed class MaskedFailures(Cmdlet cmdlet, string operation)
{
    private readonly MaskLog _log = new();
    private Action<InformationRecord> _tell = cmdlet.WriteInformation;
    private Action<string> _warn = cmdlet.WriteWarning;

    /// <summary>Null where failures are not masked: the switch decides, or else the preference.</summary>
    public static MaskedFailures? Of(PSCmdlet cmdlet, SwitchParameter given) =>
        given || (!cmdlet.MyInvocation.BoundParameters.ContainsKey("FailureOblivious") && KumoiPreference.Of(cmdlet).FailureOblivious)
            ? new MaskedFailures(cmdlet, cmdlet.MyInvocation.MyCommand.Name)
            : null;

    /// <summary>A write that may have taken effect is never masked: it must be found out.</summary>
    public static bool CanBeMasked(Exception error) => error switch
    {
        ActionFailedException e => e.Records.TrueForAll(record => CanBeMasked(record.Exception)),
        _ => Masking.Allows(error),
    };

    /// <summary>A job goes on with the cmdlet's work: what is masked from now on is told there.</summary>
    public void WriteTo(IActionOutput output) => (_tell, _warn) = (output.WriteInformation, output.WriteWarning);

    public void Add(string element, Exception cause)
    {
        var failure = new MaskedListFailure(operation, [(element, cause)]);
        _log.Add(failure);
        _tell(new InformationRecord(failure, operation) { Tags = { "FailureOblivious" } });
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

    /// <summary>Gives their number.</summary>
    /// <param name="isTold">The journal has them already.</param>
    public void Warn(bool isTold = false)
    {
        List<string> masked =
        [
            .. _log.Failures.Cast<MaskedListFailure>().SelectMany(failure => failure.Elements)
                .Select(failed => $"{failed.Element}: {failed.Cause.Message.TrimEnd('.')}"),
        ];
        if (masked.Count > 0)
        {
            _warn(Visible.Lines(
                $"{masked.Count} {(masked.Count == 1 ? "failure was" : "failures were")} masked: "
                + string.Join("; ", masked.Distinct().Take(3)) + (masked.Distinct().Skip(3).Any() ? "; …" : "")));
            if (!isTold)
            {
                KumoiSession.Fleet.Tell(_log);
            }
        }
    }
}
