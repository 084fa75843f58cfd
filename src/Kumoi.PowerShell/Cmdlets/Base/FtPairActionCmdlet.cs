using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.PowerShell.Completion;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that does something with each pair that is not over; what fails is one error each.</summary>
public abstract class FtPairActionCmdlet : FtPairCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(FtPairCompleter))]
    public string[] VM { get; set; } = [];

    private protected sealed override string[] Given => VM;

    /// <summary>What ShouldProcess calls it.</summary>
    private protected abstract string Verb { get; }

    /// <summary>Does it, and returns what is written.</summary>
    private protected abstract Task<object> ActAsync(KumoiFtPair pair, CancellationToken cancellationToken);

    protected sealed override void ProcessRecord()
    {
        IReadOnlyList<KumoiFtPair> pairs;
        try
        {
            pairs = Find();
        }
        catch (Exception e) when (e is AgentException or JournalException)
        {
            WriteFailure(e, null);
            return;
        }

        foreach (var pair in pairs)
        {
            if (!pair.IsOpen)
            {
                if (IsNamed(pair))
                {
                    WriteError(Errors.NotFound(
                        $"'{pair.VM}' is not protected any more: {pair.State}.", pair, "Start-KumoiFtPair protects it again."));
                }

                continue;
            }

            if (pair.State is PairPhase.Unknown)
            {
                if (IsNamed(pair))
                {
                    WriteFailure(NotOurs(pair), pair);
                }

                continue;
            }

            if (!ShouldProcess($"{pair.VM} on {pair.Primary}", Verb))
            {
                continue;
            }

            try
            {
                WriteObject(Await(ActAsync(pair, StopToken)));
            }
            catch (Exception e) when (e is AgentException or JournalException or HypervisorException)
            {
                WriteFailure(e, pair);
            }
        }
    }

    private static HypervisorException NotOurs(KumoiFtPair pair) => new(
        $"The pair of '{pair.VM}' is kept by {pair.KeptBy}. {pair.Reason}", FaultDomain.VM, error: HypervisorError.InvalidState,
        recommendedAction: "Use the journal of whoever has begun it. If its owner is known to be gone for good, "
            + "Start-KumoiFtPair -Force protects the VM anew.");

    /// <summary>It was asked for by its name, not by a pattern.</summary>
    private bool IsNamed(KumoiFtPair pair) => Given.Any(name => string.Equals(name, pair.VM, StringComparison.OrdinalIgnoreCase));
}
