namespace Kumoi.PolicySimulation;

/// <summary>
/// A run of a workload on a simulated fleet: the fleet, its failures and its operations; what is wanted of them is the workload's.
/// </summary>
internal abstract class WorkloadRun : IEventHandler, IOperationOwner
{
    /// <summary>
    /// As many hosts are looked at for each candidate that is wanted: the cost of choosing does not depend on the fleet's size.
    /// </summary>
    private const int ProbesPerCandidate = 16;

    private readonly List<int> _candidates = [];

    protected WorkloadRun(SimulationSettings settings, OperationModel model)
    {
        Settings = settings;
        // Failures and load are the same under all policies: so are the numbers from which they are drawn.
        Health = new(Queue, settings.Failures, settings.HostCount, settings.HostsPerRack, new(settings.Seed, stream: 1));
        Load = new(settings.Seed, stream: 2);
        Choices = new(settings.Seed, stream: 3);
        Runner = new(
            Queue, Health, settings.Failures, settings.Operation ?? model, settings.Policy, settings.HostCount,
            new(settings.Seed, stream: 4));
    }

    protected SimulationSettings Settings { get; }

    protected EventQueue Queue { get; } = new();

    protected HostHealth Health { get; }

    protected OperationRunner Runner { get; }

    /// <summary>What the workload's users do.</summary>
    protected RandomStream Load { get; }

    /// <summary>What the workload chooses.</summary>
    protected RandomStream Choices { get; }

    /// <summary>The time that the workload wants to be short.</summary>
    protected abstract double TimeSec { get; }

    /// <summary>Nothing is left to do.</summary>
    protected virtual bool IsComplete => false;

    public static WorkloadRun Create(SimulationSettings settings) => settings.Workload switch
    {
        PolicyWorkload.CapacityMultiplexing => new CapacityMultiplexing(settings),
        PolicyWorkload.ContinuousIntegration => new ContinuousIntegration(settings),
        PolicyWorkload.RollingUpgrade => new RollingUpgradeWorkload(settings),
        _ => throw new ArgumentOutOfRangeException(nameof(settings)),
    };

    /// <summary>Runs it to its end; once.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public RunFigures Run(CancellationToken cancellationToken)
    {
        Begin();
        Queue.Run(Settings.DurationSec, () => IsComplete, cancellationToken);
        return new()
        {
            Events = Queue.Count,
            Succeeded = Runner.Succeeded,
            Failed = Runner.GivenUp,
            Attempts = Runner.Attempts,
            NetworkGiB = Runner.NetworkGiB,
            UsefulNetworkGiB = Runner.UsefulNetworkGiB,
            TimeSec = TimeSec,
            DoubledVMs = Runner.DoubledVMs,
        };
    }

    public abstract void Handle(int subject);

    public abstract bool TryReserve(LogicalOperation operation, int host);

    public abstract void Release(LogicalOperation operation, int host);

    public abstract void Succeed(LogicalOperation operation, int winner);

    public abstract void GiveUp(LogicalOperation operation);

    protected abstract void Begin();

    /// <summary>Whether a host can take the VM of an operation that is wanted.</summary>
    protected abstract bool CanTake(int host, double room);

    /// <summary>Begins an operation on random hosts that can take its VM, the preferred ones first; false if none was found.</summary>
    protected bool TryBegin(LogicalOperation operation, IReadOnlyList<int> preferred)
    {
        _candidates.Clear();
        var wanted = Runner.CandidateCount;
        if (preferred.Count > 0)
        {
            Probe(preferred.Count, wanted, i => preferred[i], operation.Room);
        }

        // The others only where the preferred ones do not suffice for all replicas.
        Probe(Settings.HostCount, _candidates.Count >= Settings.Policy.MaxReplicas ? 0 : wanted, static i => i, operation.Room);
        if (_candidates.Count == 0)
        {
            return false;
        }

        operation.Begin(Runner.Choose(_candidates));
        return true;
    }

    private void Probe(int count, int wanted, Func<int, int> hostOf, double room)
    {
        for (var i = 0; i < ProbesPerCandidate * wanted && _candidates.Count < wanted; i++)
        {
            var host = hostOf(Choices.NextInt(count));
            if (CanTake(host, room) && !_candidates.Contains(host))
            {
                _candidates.Add(host);
            }
        }
    }
}
