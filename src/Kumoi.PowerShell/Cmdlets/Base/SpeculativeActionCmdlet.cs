using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;
using Kumoi.Speculation;
using Kumoi.Speculation.Reliability;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that can do its work on several hosts, one of which wins.</summary>
public abstract class SpeculativeActionCmdlet : ActionCmdlet
{
    /// <summary>
    /// Tries several hosts: the first that is ready wins, the others leave nothing behind. All that are given are candidates, the preferred
    /// first.
    /// </summary>
    [Parameter]
    public SwitchParameter Speculative { get; set; }

    /// <summary>With -Speculative: how many hosts are tried at once, or Auto. The others are the reserve.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ReplicaCountCompleter))]
    [ValidateNotNull]
    public ReplicaCount Replicas { get; set; } = new(2);

    /// <summary>With -Replicas Auto: the predicted success at which there are enough.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double WantedSuccess { get; set; } = 0.99;

    /// <summary>With -Replicas Auto: how many hosts are tried at once at most.</summary>
    [Parameter]
    [ValidateRange(1, 16)]
    public int CostLimit { get; set; } = 4;

    /// <summary>With -Speculative: the next host is tried when one takes longer than this many seconds.</summary>
    [Parameter]
    [ValidateRange(0.1, 86400.0)]
    public double? HedgeDelaySec { get; set; }

    /// <summary>With -Speculative: the same, when one takes longer than this percentile of what the journal has.</summary>
    [Parameter]
    [ValidateRange(1.0, 100.0)]
    public double? HedgePercentile { get; set; }

    /// <summary>With -Speculative: how many seconds a host may take.</summary>
    [Parameter]
    [ValidateRange(0.1, 86400.0)]
    public double? TimeLimitSec { get; set; }

    /// <summary>Whether the plan depends on what the journal knows, and is worth telling.</summary>
    private protected bool GoesByJournal => Replicas.IsAuto || HedgePercentile is not null;

    private protected override void Prepare()
    {
        if (HedgeDelaySec is not null && HedgePercentile is not null)
        {
            var message = "Give -HedgeDelaySec or -HedgePercentile, not both: each says when the next host is tried.";
            ThrowTerminatingError(
                new ErrorRecord(new ValidationMetadataException(message), "TwoHedgeDelays", ErrorCategory.InvalidArgument, HedgePercentile)
                {
                    ErrorDetails = new ErrorDetails(message) { RecommendedAction = "Leave out -HedgeDelaySec to decide by the journal." },
                });
        }
    }

    private protected SpeculationOptions CreateOptions() => new()
    {
        Policy = Replicas.ToPolicy(WantedSuccess, CostLimit, HedgePercentile),
        HedgeDelay = HedgeDelaySec is { } delay ? TimeSpan.FromSeconds(delay) : null,
        Reliability = GoesByJournal ? ReadReliability(ReliabilityPrior.Default) : HostReliability.WithoutHistory,
        Budget = new ReplicaBudget { TimeLimit = TimeLimitSec is { } limit ? TimeSpan.FromSeconds(limit) : null },
    };

    /// <summary>Does it, and warns of what may be left on hosts that do not answer.</summary>
    private protected static async Task<KumoiVM> RunAsync(
        string vm, Func<Task<SpeculationResult>> run, ActionProgress progress, CancellationToken cancellationToken)
    {
        try
        {
            var result = await run();
            await WarnOfRemainsAsync(vm, result.Replicas, progress, cancellationToken);
            return result.VM;
        }
        catch (SpeculationFailedException e)
        {
            await WarnOfRemainsAsync(vm, e.Replicas, progress, cancellationToken);
            throw;
        }
    }

    private static async Task WarnOfRemainsAsync(
        string vm, IEnumerable<ReplicaOutcome> replicas, ActionProgress progress, CancellationToken cancellationToken)
    {
        foreach (var replica in replicas.Where(replica => !replica.IsClean))
        {
            await progress.WarnAsync(
                $"{replica.VMHost} may still hold a copy of '{vm}', which cannot start by itself. When it answers again, remove it: "
                + $"Get-KumoiOperation -Orphaned -VMHost {replica.VMHost} | Repair-KumoiOperation",
                cancellationToken);
        }
    }
}
