using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Speculation.Reliability;

namespace Kumoi.Speculation;

/// <summary>
/// How reliably, and how fast, hosts did what was asked of them lately: estimates from the journal, for each host and kind of operation. Of
/// a host that was not seen the prior holds. Hosts that are not real are kept apart from real ones of the same name.
/// </summary>
public sealed class HostReliability
{
    /// <summary>No more operations, and no more events, are read: the newest.</summary>
    internal const int MaxRecords = 20_000;

    /// <summary>What is older than so many half-lives weighs less than a thousandth, and is not read.</summary>
    private const int HalfLivesRead = 10;

    private readonly Dictionary<(string Host, ReliabilityKind Kind, bool IsSimulated), HostTally> _hosts = [];
    /// <summary>The durations of successes on all hosts together, each for one unit of size.</summary>
    private readonly Dictionary<(ReliabilityKind Kind, bool IsSimulated), DurationWindow> _durations = [];
    private readonly ReliabilityPrior _prior;
    private readonly DateTimeOffset _at;

    private HostReliability(ReliabilityPrior prior, DateTimeOffset at)
    {
        _prior = prior;
        _at = at;
    }

    /// <summary>Nothing was seen of any host.</summary>
    public static HostReliability WithoutHistory { get; } = new(ReliabilityPrior.Default, DateTimeOffset.UnixEpoch);

    /// <summary>All hosts of which something is known, in natural order.</summary>
    public IEnumerable<KumoiHostReliability> Hosts => _hosts
        .OrderBy(host => host.Key.Host, NaturalOrder.Instance).ThenBy(host => host.Key.Kind).ThenBy(host => host.Key.IsSimulated)
        .Select(host => new KumoiHostReliability
        {
            VMHost = host.Key.Host,
            Kind = host.Key.Kind,
            IsSimulated = host.Key.IsSimulated,
            Attempts = host.Value.Attempts,
            Failures = host.Value.Failures,
            Success = Success(host.Key.Host, host.Key.Kind, host.Key.IsSimulated),
            SuccessLowerBound = host.Value.Estimate.SuccessLowerBound(_at, _prior),
            MeanDurationSec = host.Value.Estimate.MeanDuration?.TotalSeconds,
            MedianDurationSec = host.Value.DurationSec(50),
            P95DurationSec = host.Value.DurationSec(95),
            LastAt = host.Value.Estimate.At,
        });

    /// <summary>Reads a journal, once for as many operations as are to be planned.</summary>
    /// <param name="journal">The journal.</param>
    /// <param name="prior">What is held of a host before anything was seen, and how fast it is forgotten.</param>
    /// <param name="now">The moment that the estimates are of.</param>
    /// <param name="after">Only what began at this moment or later; null: what has not been forgotten.</param>
    /// <param name="cancellationToken">Of the read.</param>
    /// <exception cref="JournalException">It cannot be read.</exception>
    public static async Task<HostReliability> ReadAsync(
        IJournal journal, ReliabilityPrior prior, DateTimeOffset now, DateTimeOffset? after, CancellationToken cancellationToken)
    {
        var since = after ?? now - (HalfLivesRead * prior.HalfLife);
        var seen = new List<Observation>();
        var speculative = new HashSet<Guid>();
        var events = journal.ReadEventsAsync(
            new EventQuery { Kinds = [KumoiEventKind.Speculation], After = since, NewestFirst = true }, cancellationToken);
        await foreach (var told in events.Take(MaxRecords).WithCancellation(cancellationToken))
        {
            if (SpeculationLog.ReadOutcomes(told) is { } outcomes)
            {
                seen.AddRange(outcomes);
                speculative.Add(told.OperationId ?? Guid.Empty);
            }
        }

        // Clocks are set: one that is older says nothing about those before it in the journal.
        var operations = journal.ReadOperationsAsync(
            new OperationQuery { After = since, OfNewest = MaxRecords, NewestFirst = true }, cancellationToken);
        await foreach (var operation in operations.WithCancellation(cancellationToken))
        {
            // The single calls of an operation on several targets are told by its own event.
            if (Observe(operation) is { } observation && !speculative.Contains(operation.Id))
            {
                seen.Add(observation);
            }
        }

        var reliability = new HostReliability(prior, now);
        foreach (var observation in seen.OrderBy(observation => observation.At))
        {
            // One of a clock that was ahead would forget all that was seen before it.
            reliability.Add(observation.At <= now ? observation : observation with { At = now });
        }

        return reliability;
    }

    /// <summary>The expected probability that the host does it, 0..1.</summary>
    public double Success(string host, ReliabilityKind kind, bool isSimulated) =>
        (_hosts.GetValueOrDefault((host, kind, isSimulated))?.Estimate ?? default).Success(_at, _prior);

    /// <summary>How many times the host was seen to do it, or to fail.</summary>
    public int Attempts(string host, ReliabilityKind kind, bool isSimulated) =>
        _hosts.GetValueOrDefault((host, kind, isSimulated))?.Attempts ?? 0;

    /// <summary>How many durations are known, on all hosts together.</summary>
    public int DurationCount(ReliabilityKind kind, bool isSimulated) => _durations.GetValueOrDefault((kind, isSimulated))?.Count ?? 0;

    /// <summary>
    /// The duration that this share, 0 to 100, of the operations on all hosts does not exceed, for a VM of this size; null where too little
    /// is known, or so many were given up that nobody knows.
    /// </summary>
    public TimeSpan? Duration(ReliabilityKind kind, bool isSimulated, double percentile, long memoryBytes) =>
        _durations.GetValueOrDefault((kind, isSimulated))?.Percentile(percentile) is { } perUnit && double.IsFinite(perUnit)
            ? TimeSpan.FromSeconds(perUnit * Units(kind, memoryBytes))
            : null;

    /// <summary>
    /// Whether a failure tells against the host. An aborted call was somebody's wish, and so is maintenance; an open circuit let no call
    /// out.
    /// </summary>
    internal static bool IsOfHost(FaultDomain domain, HypervisorError error) =>
        domain is not FaultDomain.VM
            && error is not (HypervisorError.Aborted or HypervisorError.CircuitOpen or HypervisorError.InMaintenance);

    /// <summary>What durations are proportional to. Below 1 GiB a migration is over before its size matters.</summary>
    private static double Units(ReliabilityKind kind, long memoryBytes) =>
        kind is ReliabilityKind.Migration ? Math.Max(1, memoryBytes / (double)(1 << 30)) : 1;

    private static Observation? Observe(KumoiOperation operation)
    {
        var (kind, host) = operation.Kind switch
        {
            OperationKind.Migrate => (ReliabilityKind.Migration, operation.Target),
            OperationKind.Start => (ReliabilityKind.PowerOn, operation.VMHost),
            _ => (ReliabilityKind.Other, null),
        };
        if (host is null || operation.EndedAt is not { } at || operation.State is not (OperationState.Succeeded or OperationState.Failed))
        {
            return null;
        }

        try
        {
            // What copies disks too says nothing of how long memory takes.
            if (JsonNode.Parse(operation.Details) is not JsonObject details || details[JournalDetails.Disks] is not null)
            {
                return null;
            }

            var ending = operation.State is OperationState.Succeeded ? ReplicaEnding.Won
                // One that does not say what it was of was cancelled, or written before failures were told apart.
                : Enum.TryParse<FaultDomain>((string?)details[JournalDetails.FaultDomain], out var domain)
                    && Enum.TryParse<HypervisorError>((string?)details[JournalDetails.ErrorCode], out var error)
                    && IsOfHost(domain, error) ? ReplicaEnding.Failed
                : ReplicaEnding.Unknown;
            return new Observation(
                at, host, kind, operation.IsSimulated, ending, at - operation.StartedAt, 0,
                (long?)details[JournalDetails.MemoryBytes] ?? 0);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            // Of somebody who writes them in another way.
            return null;
        }
    }

    private void Add(Observation seen)
    {
        if (seen.Ending is ReplicaEnding.Unknown || seen.Kind is ReliabilityKind.Other)
        {
            return;
        }

        var host = GetOrAdd(_hosts, (seen.Host, seen.Kind, seen.IsSimulated));
        host.Estimate = Next(host.Estimate, seen);
        host.Attempts++;
        var durations = GetOrAdd(_durations, (seen.Kind, seen.IsSimulated));
        switch (seen.Ending)
        {
            case ReplicaEnding.Won:
                if (seen.Duration < TimeSpan.Zero)
                {
                    // The clock was set back meanwhile: nobody knows how long it took.
                    break;
                }

                host.DurationsSec.Add(seen.Duration.TotalSeconds);
                // A migration of unknown size says nothing about others.
                if (seen.Kind is not ReliabilityKind.Migration || seen.MemoryBytes > 0)
                {
                    durations.Add(seen.Duration.TotalSeconds / Units(seen.Kind, seen.MemoryBytes));
                }

                break;
            case ReplicaEnding.Failed:
                host.Failures++;
                break;
            case ReplicaEnding.TooSlow:
                durations.AddUnfinished();
                break;
        }
    }

    private ReliabilityEstimate Next(ReliabilityEstimate estimate, Observation seen) => seen.Ending switch
    {
        ReplicaEnding.Won =>
            estimate.Observe(succeeded: true, seen.Duration < TimeSpan.Zero ? TimeSpan.Zero : seen.Duration, seen.At, _prior),
        ReplicaEnding.Failed => estimate.Observe(succeeded: false, seen.Duration, seen.At, _prior),
        ReplicaEnding.Complete => estimate.ObserveAbandoned(1, seen.At, _prior),
        _ => estimate.ObserveAbandoned(Math.Clamp(seen.Progress, 0, 1), seen.At, _prior),
    };

    private static TValue GetOrAdd<TKey, TValue>(Dictionary<TKey, TValue> all, TKey key)
        where TKey : notnull
        where TValue : new()
    {
        if (!all.TryGetValue(key, out var value))
        {
            all[key] = value = new TValue();
        }

        return value;
    }

    /// <summary>One operation, or one replica of one, and what it says about its host.</summary>
    internal readonly record struct Observation(
        DateTimeOffset At,
        string Host,
        ReliabilityKind Kind,
        bool IsSimulated,
        ReplicaEnding Ending,
        TimeSpan Duration,
        double Progress,
        long MemoryBytes);

    private sealed class HostTally
    {
        public ReliabilityEstimate Estimate { get; set; }

        public int Attempts { get; set; }

        public int Failures { get; set; }

        public List<double> DurationsSec { get; } = [];

        public double? DurationSec(double percentile) => DurationsSec.Count == 0
            ? null
            : DurationsSec.Order().ElementAt((int)Math.Ceiling(percentile / 100 * DurationsSec.Count) - 1);
    }
}
