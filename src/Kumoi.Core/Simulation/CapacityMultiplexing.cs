namespace Kumoi.Simulation;

/// <summary>
/// Resource capacity multiplexing (paper 002): the CPU demand of VMs changes, and each host is looked at periodically; VMs of one that is
/// overloaded are moved to underloaded ones.
/// </summary>
internal sealed class CapacityMultiplexing : WorkloadRun
{
    private const int DemandEvent = -1;
    private const int CheckEvent = -2;

    /// <summary>Each VM's demand changes after an hour, in the mean.</summary>
    private const double DemandIntervalSec = 3600;
    private const double CheckIntervalSec = 300;

    /// <summary>The mean share of a host's CPUs that its VMs want, and the share that one VM may want at most.</summary>
    private const double MeanLoad = 0.5;
    private const double MaxDemand = 0.5;

    /// <summary>A host is overloaded above this, sheds VMs down to it, and takes no VM that would bring it above the second.</summary>
    private const double Overloaded = 0.9;
    private const double Underloaded = 0.7;

    private static readonly double[] MemoryGiB = [2, 4, 8, 16];

    private readonly VMPlacement _vms;
    private readonly float[] _demand;
    private readonly byte[] _memory;
    private readonly bool[] _isMoving;
    private readonly double[] _load;
    private readonly double[] _reserved;

    /// <summary>When each host became overloaded; NaN while it is not.</summary>
    private readonly double[] _overloadedSinceSec;
    private readonly List<int> _toShed = [];
    private double _overloadSec;
    private long _overloads;
    private int _nextChecked;

    public CapacityMultiplexing(SimulationSettings settings)
        : base(settings, OperationModel.Migration)
    {
        _vms = new(settings.HostCount, settings.VMsPerHost);
        _demand = new float[_vms.VMCount];
        _memory = new byte[_vms.VMCount];
        _isMoving = new bool[_vms.VMCount];
        _load = new double[settings.HostCount];
        _reserved = new double[settings.HostCount];
        _overloadedSinceSec = new double[settings.HostCount];
        Array.Fill(_overloadedSinceSec, double.NaN);
    }

    protected override double TimeSec => _overloadSec / _overloads;

    public override void Handle(int subject)
    {
        if (subject == DemandEvent)
        {
            var vm = Load.NextInt(_vms.VMCount);
            var demand = DrawDemand();
            AddLoad(_vms.HostOf(vm), demand - _demand[vm]);
            _demand[vm] = demand;
            ScheduleDemand();
        }
        else
        {
            Check(_nextChecked);
            _nextChecked = (_nextChecked + 1) % Settings.HostCount;
            Queue.Schedule(CheckIntervalSec / Settings.HostCount, this, CheckEvent);
        }
    }

    public override bool TryReserve(LogicalOperation operation, int host)
    {
        if (!CanTake(host, operation.Room))
        {
            return false;
        }

        _reserved[host] += operation.Room;
        return true;
    }

    public override void Release(LogicalOperation operation, int host) => _reserved[host] -= operation.Room;

    public override void Succeed(LogicalOperation operation, int winner)
    {
        Release(operation, winner);
        _isMoving[operation.VM] = false;
        AddLoad(_vms.HostOf(operation.VM), -_demand[operation.VM]);
        _vms.Move(operation.VM, winner);
        AddLoad(winner, _demand[operation.VM]);
    }

    /// <summary>The next look at the host runs the algorithm again.</summary>
    public override void GiveUp(LogicalOperation operation) => _isMoving[operation.VM] = false;

    protected override void Begin()
    {
        for (var vm = 0; vm < _vms.VMCount; vm++)
        {
            _demand[vm] = DrawDemand();
            _memory[vm] = (byte)Load.NextInt(MemoryGiB.Length);
            AddLoad(_vms.HostOf(vm), _demand[vm]);
        }

        ScheduleDemand();
        Queue.Schedule(0, this, CheckEvent);
    }

    protected override bool CanTake(int host, double room) => _load[host] + _reserved[host] + room <= Underloaded;

    private void Check(int host)
    {
        if (_load[host] <= Overloaded)
        {
            return;
        }

        var staying = _load[host];
        _toShed.Clear();
        foreach (var vm in _vms.On(host))
        {
            if (_isMoving[vm])
            {
                staying -= _demand[vm];
            }
            else if (_demand[vm] > 0.01)
            {
                _toShed.Add(vm);
            }
        }

        foreach (var vm in _toShed)
        {
            if (staying <= Overloaded)
            {
                break;
            }

            // Before it begins: it may end at once.
            _isMoving[vm] = true;
            if (TryBegin(new LogicalOperation(Runner, this, vm, MemoryGiB[_memory[vm]]) { Room = _demand[vm] }, []))
            {
                staying -= _demand[vm];
            }
            else
            {
                _isMoving[vm] = false;
            }
        }
    }

    private void AddLoad(int host, double change)
    {
        _load[host] += change;
        var since = _overloadedSinceSec[host];
        if (_load[host] > Overloaded && double.IsNaN(since))
        {
            _overloadedSinceSec[host] = Queue.NowSec;
        }
        else if (_load[host] <= Overloaded && !double.IsNaN(since))
        {
            _overloadedSinceSec[host] = double.NaN;
            _overloadSec += Queue.NowSec - since;
            _overloads++;
        }
    }

    private float DrawDemand() => (float)Math.Min(MaxDemand, Load.Exponential(MeanLoad / Settings.VMsPerHost));

    private void ScheduleDemand() => Queue.Schedule(Load.Exponential(DemandIntervalSec / _vms.VMCount), this, DemandEvent);
}
