namespace Kumoi.PolicySimulation;

/// <summary>
/// Continuous integration testing (paper 002): each check-in wants a VM powered on, at once, on random hosts that have room; what fails
/// goes into a backlog that is gone through periodically. The VM runs its tests and is removed.
/// </summary>
internal sealed class ContinuousIntegration(SimulationSettings settings) : WorkloadRun(settings, OperationModel.PowerOn)
{
    private const int CheckInEvent = -1;
    private const int BacklogEvent = -2;

    private const double BacklogIntervalSec = 30;
    private const double MeanTestSec = 1800;

    /// <summary>How many of the VMs that are the fleet's mean run at any time, once it is in its steady state.</summary>
    private const double Utilization = 0.5;

    private readonly int[] _used = new int[settings.HostCount];
    private readonly Queue<double> _backlog = new();
    private readonly int _room = settings.VMsPerHost + (settings.VMsPerHost / 2);
    private double _delaySumSec;

    protected override double TimeSec => _delaySumSec / Runner.Succeeded;

    public override void Handle(int subject)
    {
        switch (subject)
        {
            case CheckInEvent:
                Launch(Queue.NowSec);
                ScheduleCheckIn();
                break;
            case BacklogEvent:
                // What fails meanwhile waits for the next time.
                for (var left = _backlog.Count; left > 0; left--)
                {
                    Launch(_backlog.Dequeue());
                }

                Queue.Schedule(BacklogIntervalSec, this, BacklogEvent);
                break;
            default:
                _used[subject]--;
                break;
        }
    }

    public override bool TryReserve(LogicalOperation operation, int host)
    {
        if (!CanTake(host, operation.Room))
        {
            return false;
        }

        _used[host]++;
        return true;
    }

    public override void Release(LogicalOperation operation, int host) => _used[host]--;

    public override void Succeed(LogicalOperation operation, int winner)
    {
        _delaySumSec += Queue.NowSec - operation.WantedSinceSec;
        // The VM keeps the room that was reserved until its tests are done.
        Queue.Schedule(Choices.Exponential(MeanTestSec), this, winner);
    }

    public override void GiveUp(LogicalOperation operation) => _backlog.Enqueue(operation.WantedSinceSec);

    protected override void Begin()
    {
        ScheduleCheckIn();
        Queue.Schedule(BacklogIntervalSec, this, BacklogEvent);
    }

    protected override bool CanTake(int host, double room) => _used[host] < _room;

    private void Launch(double wantedSinceSec)
    {
        if (!TryBegin(new LogicalOperation(Runner, this, vm: 0, sizeGiB: 1) { WantedSinceSec = wantedSinceSec }, []))
        {
            _backlog.Enqueue(wantedSinceSec);
        }
    }

    private void ScheduleCheckIn() =>
        Queue.Schedule(Load.Exponential(MeanTestSec / (Utilization * Settings.HostCount * Settings.VMsPerHost)), this, CheckInEvent);
}
