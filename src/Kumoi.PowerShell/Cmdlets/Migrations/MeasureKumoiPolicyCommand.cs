using System.Globalization;
using System.Management.Automation;
using Kumoi.FaultTolerance.Modes;
using Kumoi.PolicySimulation;
using Kumoi.PolicySimulation.Modes;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.Speculation.Reliability;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Simulates what replicated operations would bring on a fleet, and what they would cost.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "KumoiPolicy", DefaultParameterSetName = FleetSet)]
[OutputType(typeof(KumoiPolicyResult), ParameterSetName = [FleetSet])]
[OutputType(typeof(KumoiModeResult), ParameterSetName = [PairSet])]
public sealed class MeasureKumoiPolicyCommand : KumoiCmdlet
{
    private const string FleetSet = "Fleet";
    private const string PairSet = "Pair";

    /// <summary>What is done with the fleet.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = FleetSet)]
    public PolicyWorkload Workload { get; set; }

    /// <summary>The shares of the hosts that are failed at any time.</summary>
    [Parameter(Position = 1, ParameterSetName = FleetSet)]
    [ValidateRange(0.0, 0.95)]
    public double[] FailureRate { get; set; } = [0.1];

    /// <summary>How many replicas an operation has at most: 1 is naive retry, Auto as many as are needed.</summary>
    [Parameter(Position = 2, ParameterSetName = FleetSet)]
    [ValidatePattern("^([1-9]|1[0-6]|Auto)$")]
    public string[] Replicas { get; set; } = ["1", "2", "3", "Auto"];

    /// <summary>After which percentile of the observed durations a further replica begins; 0: all begin at once.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(0.0, 100.0)]
    public double[] HedgeDelay { get; set; } = [0];

    /// <summary>With -Replicas Auto: the predicted success at which there are enough.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(0.0, 1.0)]
    public double WantedSuccess { get; set; } = 0.99;

    /// <summary>With -Replicas Auto: how many times the cost of one operation it may have at most.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(1, 16)]
    public int CostLimit { get; set; } = 4;

    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(2, 1000000)]
    public int HostCount { get; set; } = 1024;

    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(1, 1000000)]
    public int HostsPerRack { get; set; } = 32;

    /// <summary>How many VMs a host has, in the mean.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(1, 1000)]
    public int VMsPerHost { get; set; } = 8;

    /// <summary>How long a host is failed at least.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    public TimeSpan MinFailureDuration { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a host is failed at most.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    public TimeSpan MaxFailureDuration { get; set; } = TimeSpan.FromHours(1);

    /// <summary>The share of the failures that hit a whole rack.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(0.0, 1.0)]
    public double RackFailureRatio { get; set; }

    /// <summary>The probability that an operation fails on a host that has not.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(0.0, 0.95)]
    public double OperationFailureRate { get; set; }

    /// <summary>The share of the hosts on which operations take five times as long.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(0.0, 1.0)]
    public double SlowHostRatio { get; set; }

    /// <summary>The share of the hosts that cannot be reached at any time.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(0.0, 0.95)]
    public double LostLinkRatio { get; set; }

    /// <summary>The probability that an operation that took effect is reported as failed.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    [ValidateRange(0.0, 1.0)]
    public double UnknownOutcomeRate { get; set; }

    /// <summary>The simulated time.</summary>
    [Parameter(ParameterSetName = FleetSet)]
    public TimeSpan Duration { get; set; } = TimeSpan.FromDays(1);

    /// <summary>How often each combination is simulated.</summary>
    [Parameter]
    [ValidateRange(1, 1000)]
    public int Runs { get; set; } = 5;

    /// <summary>The same seed gives the same results.</summary>
    [Parameter]
    public long Seed { get; set; }

    /// <summary>The checkpoints that a pair has recorded.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PairSet)]
    public string CheckpointFile { get; set; } = "";

    /// <summary>In checkpoint mode: from one commit to the next checkpoint.</summary>
    [Parameter(ParameterSetName = PairSet)]
    [ValidateRange(10.0, 10000.0)]
    public double CheckpointPeriodMs { get; set; } = 250;

    protected override void ProcessRecord()
    {
        if (ParameterSetName is PairSet)
        {
            MeasureModes(GetUnresolvedProviderPathFromPSPath(CheckpointFile));
        }
    }

    protected override void EndProcessing()
    {
        if (ParameterSetName is FleetSet)
        {
            MeasurePolicies();
        }
    }

    private void MeasureModes(string path)
    {
        try
        {
            var study = new RecordedModeStudy
            {
                Stretches = CheckpointRecording.Read(path),
                CheckpointPeriod = TimeSpan.FromMilliseconds(CheckpointPeriodMs),
                Runs = Runs,
                Seed = Seed,
            };
            var results = Await(Task.Run(() => study.Run(StopToken)));
            WriteObject(results, enumerateCollection: true);
            if (!results.Any(static result => result.Policy == PairMode.Colo.ToString().ToUpperInvariant()))
            {
                WriteWarning(
                    "The VM was never in COLO while this was recorded, so nobody knows how often the outputs of two of it would differ. To "
                    + "find out, protect it with -Mode Hybrid for a while.");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or InvalidOperationException)
        {
            WriteError(new ErrorRecord(e, "CheckpointsNotReadable", ErrorCategory.ReadError, path)
            {
                ErrorDetails = new ErrorDetails(e.Message)
                {
                    RecommendedAction = "Give the file that Get-KumoiFtPair shows as CheckpointFile, of a pair that has run for a while.",
                },
            });
        }
    }

    private void MeasurePolicies()
    {
        if (MinFailureDuration <= TimeSpan.Zero || MaxFailureDuration < MinFailureDuration || Duration <= TimeSpan.Zero)
        {
            var message =
                "The simulated time and the durations of failures must be positive, and the longest failure not shorter than the shortest.";
            ThrowTerminatingError(
                new ErrorRecord(new ValidationMetadataException(message), "InvalidDuration", ErrorCategory.InvalidArgument, Duration)
                {
                    ErrorDetails = new ErrorDetails(message)
                    {
                        RecommendedAction = "Give -Duration, -MinFailureDuration and "
                    + "-MaxFailureDuration, for example as '1.00:00:00' for a day."
                    },
                });
        }

        var study = Study();
        var count = study.FailureRates.Count * study.Policies.Count;
        var progress = new ProgressRecord(0, $"Simulating {HostCount} hosts", $"{count} combinations, each {Runs} times");
        WriteProgress(progress);
        var done = 0;
        foreach (var result in Enumerate(token => study.RunAsync(Environment.ProcessorCount, token)))
        {
            WriteObject(result);
            progress.PercentComplete = 100 * ++done / count;
            WriteProgress(progress);
        }

        progress.RecordType = ProgressRecordType.Completed;
        WriteProgress(progress);
    }

    private PolicyStudy Study() => new()
    {
        Workload = Workload,
        FailureRates = FailureRate,
        Policies = [.. Replicas.SelectMany(replicas => HedgeDelay.Select(delay => Policy(replicas, delay))).Distinct()],
        Failures = new()
        {
            MinFailureSec = MinFailureDuration.TotalSeconds,
            MaxFailureSec = MaxFailureDuration.TotalSeconds,
            RackFailureRatio = RackFailureRatio,
            OperationFailureRate = OperationFailureRate,
            SlowHostRatio = SlowHostRatio,
            LostLinkRatio = LostLinkRatio,
            UnknownOutcomeRate = UnknownOutcomeRate,
        },
        HostCount = HostCount,
        HostsPerRack = HostsPerRack,
        VMsPerHost = VMsPerHost,
        Duration = Duration,
        Runs = Runs,
        Seed = Seed,
    };

    private ReplicationPolicy Policy(string replicas, double hedgeDelay)
    {
        if (!int.TryParse(replicas, CultureInfo.InvariantCulture, out var count))
        {
            return new ReplicationPolicy.Auto(WantedSuccess, CostLimit, hedgeDelay);
        }

        return count == 1 ? new ReplicationPolicy.OneAtATime()
            : hedgeDelay > 0 ? new ReplicationPolicy.Hedged(count, hedgeDelay)
            : new ReplicationPolicy.AtOnce(count);
    }
}
