using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that does something with each pair that is not over; what fails is one error each.</summary>
public abstract class FtPairActionCmdlet : StepwiseCmdlet
{
    private readonly List<KumoiFtPair> _forJob = [];
    private FtPairFinder _finder = null!;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(FtPairCompleter))]
    public string[] VM { get; set; } = [];

    /// <summary>What ShouldProcess calls it.</summary>
    private protected abstract string Verb { get; }

    /// <summary>Does it, and returns what is written.</summary>
    private protected abstract Task<object> ActAsync(KumoiFtPair pair, CancellationToken cancellationToken);

    protected sealed override void BeginProcessing()
    {
        base.BeginProcessing();
        _finder = new FtPairFinder(this);
    }

    protected sealed override void ProcessRecord()
    {
        IReadOnlyList<KumoiFtPair> pairs;
        try
        {
            pairs = _finder.Find(Await(KumoiSession.Pairs.ListWithStrangersAsync(StopToken)), VM);
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

            if (IsForJob)
            {
                _forJob.Add(pair);
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

    protected sealed override void EndProcessing()
    {
        if (IsForJob)
        {
            HandOver(nameof(VM), _forJob, _forJob.Select(static pair => pair.VM));
        }
    }

    private static HypervisorException NotOurs(KumoiFtPair pair) => new(
        $"The pair of '{pair.VM}' is kept by {pair.KeptBy}. {pair.Reason}", FaultDomain.VM, error: HypervisorError.InvalidState,
        recommendedAction: "Use the journal of whoever has begun it. If its owner is known to be gone for good, "
            + "Start-KumoiFtPair -Force protects the VM anew.");

    /// <summary>It was asked for by its name, not by a pattern.</summary>
    private bool IsNamed(KumoiFtPair pair) => VM.Any(name => string.Equals(name, pair.VM, StringComparison.OrdinalIgnoreCase));
}
