using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.Speculation.Reliability;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Measures how reliably, and how fast, hosts took and started VMs, by the journal: what -Replicas Auto decides by.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "KumoiHostReliability")]
[OutputType(typeof(KumoiHostReliability))]
public sealed class MeasureKumoiHostReliabilityCommand : KumoiCmdlet
{
    private readonly List<HostReference> _hosts = [];

    /// <summary>Only these hosts, which need not be connected.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Only these kinds of operations.</summary>
    [Parameter]
    [ValidateSet(nameof(ReliabilityKind.Migration), nameof(ReliabilityKind.PowerOn))]
    public ReliabilityKind[] Kind { get; set; } = [];

    /// <summary>Only operations that began at this moment or later.</summary>
    [Parameter]
    public DateTime? After { get; set; }

    /// <summary>After this time an operation counts half.</summary>
    [Parameter]
    public TimeSpan HalfLife { get; set; } = ReliabilityPrior.Default.HalfLife;

    protected override void ProcessRecord() => _hosts.AddRange(VMHost);

    protected override void EndProcessing()
    {
        if (MyInvocation.ExpectingInput && _hosts.Count == 0)
        {
            // What came by the pipeline was nothing: that is not everything.
            return;
        }

        if (HalfLife <= TimeSpan.Zero)
        {
            var message = "The half-life must be positive.";
            ThrowTerminatingError(
                new ErrorRecord(new ValidationMetadataException(message), "InvalidDuration", ErrorCategory.InvalidArgument, HalfLife)
                {
                    ErrorDetails = new ErrorDetails(message)
                    {
                        RecommendedAction = "Give -HalfLife, for example as '7.00:00:00' for a week.",
                    },
                });
        }

        IReadOnlyList<KumoiHostReliability> known =
            [.. ReadReliability(ReliabilityPrior.Default with { HalfLife = HalfLife }, After).Hosts];
        foreach (var host in Names.Choose(known, host => host.VMHost, [.. _hosts.Select(host => host.Name)]))
        {
            if (Kind.Length == 0 || Kind.Contains(host.Kind))
            {
                WriteObject(host);
            }
        }
    }
}
