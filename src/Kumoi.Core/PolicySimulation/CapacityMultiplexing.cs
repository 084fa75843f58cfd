namespace Kumoi.PolicySimulation;

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
    private readonly VMState[] _vmStates;
    private readonly HostBoundState[] _hostStates;
    private readonly List<int> _toShed = [];

    /// <summary>Drawn ahead, so that what they will need of a large fleet's memory is there when they happen.</summary>
    private DemandChange _nextChange;
    private DemandChange _changeAfterNext;
    private double _overloadSec;
    private long _overloads;
    private int _nextChecked;

    public CapacityMultiplexing(SimulationSettings settings)
        : base(settings, OperationModel.Migration)
    {
        _vms = new(settings.HostCount, settings.VMsPerHost);
        _vmStates = new VMState[_vms.VMCount];
        _hostStates = new HostBoundState[settings.HostCount];
        Array.Fill(_hostStates, new() { OverloadedSinceSec = double.NaN });
    }

    protected override double TimeSec => _overloadSec / _overloads;

    public override void Handle(int subject)
    {
        if (subject == DemandEvent)
        {
            ref var vm = ref _vmStates[_nextChange.VM];
            AddLoad(_vms.HostOf(_nextChange.VM), _nextChange.Demand - vm.Demand);
            vm.Demand = _nextChange.Demand;
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

        _hostStates[host].Reserved += operation.Room;
        return true;
    }

    public override void Release(LogicalOperation operation, int host) => _hostStates[host].Reserved -= operation.Room;

    public override void Succeed(LogicalOperation operation, int winner)
    {
        Release(operation, winner);
        ref var vm = ref _vmStates[operation.VM];
        vm.IsMoving = false;
        AddLoad(_vms.HostOf(operation.VM), -vm.Demand);
        _vms.Move(operation.VM, winner);
        AddLoad(winner, vm.Demand);
    }

    /// <summary>The next look at the host runs the algorithm again.</summary>
    public override void GiveUp(LogicalOperation operation) => _vmStates[operation.VM].IsMoving = false;

    protected override void Begin()
    {
        for (var vm = 0; vm < _vms.VMCount; vm++)
        {
            _vmStates[vm] = new() { Demand = DrawDemand(), Memory = (byte)Load.NextInt(MemoryGiB.Length) };
            AddLoad(_vms.HostOf(vm), _vmStates[vm].Demand);
        }

        _changeAfterNext = DrawChange();
        ScheduleDemand();
        Queue.Schedule(0, this, CheckEvent);
    }

    protected override bool CanTake(int host, double room) => _hostStates[host].Load + _hostStates[host].Reserved + room <= Underloaded;

    private void Check(int host)
    {
        var staying = _hostStates[host].Load;
        if (staying <= Overloaded)
        {
            return;
        }

        _toShed.Clear();
        foreach (var vm in _vms.On(host))
        {
            if (_vmStates[vm].IsMoving)
            {
                staying -= _vmStates[vm].Demand;
            }
            else if (_vmStates[vm].Demand > 0.01)
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
            ref var state = ref _vmStates[vm];
            state.IsMoving = true;
            if (TryBegin(new LogicalOperation(Runner, this, vm, MemoryGiB[state.Memory]) { Room = state.Demand }, []))
            {
                staying -= state.Demand;
            }
            else
            {
                state.IsMoving = false;
            }
        }
    }

    private void AddLoad(int host, double change)
    {
        ref var state = ref _hostStates[host];
        state.Load += change;
        var since = state.OverloadedSinceSec;
        if (state.Load > Overloaded && double.IsNaN(since))
        {
            state.OverloadedSinceSec = Queue.NowSec;
        }
        else if (state.Load <= Overloaded && !double.IsNaN(since))
        {
            state.OverloadedSinceSec = double.NaN;
            _overloadSec += Queue.NowSec - since;
            _overloads++;
        }
    }

    private float DrawDemand() => (float)Math.Min(MaxDemand, Load.Exponential(MeanLoad / Settings.VMsPerHost));

    private DemandChange DrawChange()
    {
        var delay = Load.Exponential(DemandIntervalSec / _vms.VMCount);
        return new(delay, Load.NextInt(_vms.VMCount), DrawDemand());
    }

    private void ScheduleDemand()
    {
        _nextChange = _changeAfterNext;
        _changeAfterNext = DrawChange();
        Queue.Schedule(_nextChange.DelaySec, this, DemandEvent);
        Prefetch.Item(_hostStates, _vms.HostOf(_nextChange.VM));
        Prefetch.Item(_vmStates, _changeAfterNext.VM);
        _vms.Prefetch(_changeAfterNext.VM);
    }

    private struct VMState
    {
        /// <summary>The share of a host's CPUs that it wants.</summary>
        public float Demand;

        /// <summary>Its number in <see cref="MemoryGiB"/>.</summary>
        public byte Memory;
        public bool IsMoving;
    }

    private struct HostBoundState
    {
        /// <summary>What its VMs want, and what is reserved for those that are coming.</summary>
        public double Load;
        public double Reserved;

        /// <summary>NaN while it is not overloaded.</summary>
        public double OverloadedSinceSec;
    }

    private readonly record struct DemandChange(double DelaySec, int VM, float Demand);
}
