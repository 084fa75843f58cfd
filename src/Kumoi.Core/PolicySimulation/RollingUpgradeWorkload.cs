namespace Kumoi.PolicySimulation;

/// <summary>
/// Rolling upgrade (paper 002): some hosts at a time are evacuated and, once they are empty, upgraded, until all are. VMs go to upgraded
/// hosts where these have room, else to others that are not being upgraded.
/// </summary>
internal sealed class RollingUpgradeWorkload : WorkloadRun
{
    /// <summary>The share of the hosts that is evacuated or upgraded at a time.</summary>
    private const double UnderUpgradeRatio = 0.02;
    private const int MigrationsPerHost = 4;

    /// <summary>Upgrading an empty host takes as long as this, uniform in the range.</summary>
    private const double MinUpgradeSec = 600;
    private const double MaxUpgradeSec = 1200;

    /// <summary>Where no host has room, it is asked again after this.</summary>
    private const double NoRoomSec = 60;

    private static readonly double[] MemoryGiB = [2, 4, 8, 16];

    private readonly VMPlacement _vms;
    private readonly HostBoundState[] _state;
    private readonly int[] _reserved;
    private readonly int[] _migrations;
    private readonly bool[] _isMoving;
    private readonly bool[] _waitsForRoom;
    private readonly double[] _upgradeSec;
    private readonly double[] _memoryGiB;
    private readonly int[] _order;
    private readonly List<int> _upgraded = [];
    private readonly int _room;
    private int _next;

    public RollingUpgradeWorkload(SimulationSettings settings)
        : base(settings, OperationModel.Migration)
    {
        _vms = new(settings.HostCount, settings.VMsPerHost);
        _state = new HostBoundState[settings.HostCount];
        _reserved = new int[settings.HostCount];
        _migrations = new int[settings.HostCount];
        _waitsForRoom = new bool[settings.HostCount];
        _isMoving = new bool[_vms.VMCount];
        _upgradeSec = [.. Enumerable.Range(0, settings.HostCount).Select(_ => Load.Uniform(MinUpgradeSec, MaxUpgradeSec))];
        _memoryGiB = [.. Enumerable.Range(0, _vms.VMCount).Select(_ => MemoryGiB[Load.NextInt(MemoryGiB.Length)])];
        _order = [.. Enumerable.Range(0, settings.HostCount)];
        Load.Shuffle(_order);
        _room = settings.VMsPerHost + (settings.VMsPerHost / 2);
    }

    private enum HostBoundState
    {
        Pending = 0,
        Evacuating,
        Upgrading,
        Upgraded,
    }

    /// <summary>If the simulated time was too short: how long it would have taken at the same pace.</summary>
    protected override double TimeSec => Queue.NowSec * Settings.HostCount / _upgraded.Count;

    protected override bool IsComplete => _upgraded.Count == Settings.HostCount;

    /// <summary>Something is over for a host.</summary>
    /// <param name="subject">A host: it is upgraded, or, while it is being evacuated, there may be room again.</param>
    public override void Handle(int subject)
    {
        if (_state[subject] == HostBoundState.Upgrading)
        {
            _state[subject] = HostBoundState.Upgraded;
            _upgraded.Add(subject);
            EvacuateNext();
        }
        else
        {
            _waitsForRoom[subject] = false;
            Evacuate(subject);
        }
    }

    public override bool TryReserve(LogicalOperation operation, int host)
    {
        if (!CanTake(host, operation.Room))
        {
            return false;
        }

        _reserved[host]++;
        return true;
    }

    public override void Release(LogicalOperation operation, int host)
    {
        _reserved[host]--;
        if (_state[host] == HostBoundState.Evacuating)
        {
            UpgradeIfEmpty(host);
        }
    }

    public override void Succeed(LogicalOperation operation, int winner)
    {
        var source = _vms.HostOf(operation.VM);
        _vms.Move(operation.VM, winner);
        _isMoving[operation.VM] = false;
        _migrations[source]--;
        Release(operation, winner);
        if (_state[winner] == HostBoundState.Evacuating)
        {
            // Its turn came while the VM was on its way: it must go on.
            Evacuate(winner);
        }

        Evacuate(source);
    }

    /// <summary>The VM has to go: the algorithm is run again at once.</summary>
    public override void GiveUp(LogicalOperation operation)
    {
        var source = _vms.HostOf(operation.VM);
        _isMoving[operation.VM] = false;
        _migrations[source]--;
        Evacuate(source);
    }

    protected override void Begin()
    {
        for (var i = 0; i < Math.Max(1, UnderUpgradeRatio * Settings.HostCount); i++)
        {
            EvacuateNext();
        }
    }

    protected override bool CanTake(int host, double room) =>
        _state[host] is HostBoundState.Pending or HostBoundState.Upgraded && _vms.CountOn(host) + _reserved[host] < _room;

    private void EvacuateNext()
    {
        if (_next < _order.Length)
        {
            var host = _order[_next++];
            _state[host] = HostBoundState.Evacuating;
            Evacuate(host);
        }
    }

    /// <summary>Begins as many migrations away from the host as may run at a time.</summary>
    private void Evacuate(int host)
    {
        while (_migrations[host] < MigrationsPerHost && !_waitsForRoom[host] && VMToMove(host) is { } vm)
        {
            _isMoving[vm] = true;
            _migrations[host]++;
            if (!TryBegin(new LogicalOperation(Runner, this, vm, _memoryGiB[vm]), _upgraded))
            {
                _isMoving[vm] = false;
                _migrations[host]--;
                _waitsForRoom[host] = true;
                Queue.Schedule(NoRoomSec, this, host);
            }
        }

        UpgradeIfEmpty(host);
    }

    private int? VMToMove(int host)
    {
        foreach (var vm in _vms.On(host))
        {
            if (!_isMoving[vm])
            {
                return vm;
            }
        }

        return null;
    }

    private void UpgradeIfEmpty(int host)
    {
        if (_state[host] == HostBoundState.Evacuating && _vms.CountOn(host) == 0 && _reserved[host] == 0)
        {
            _state[host] = HostBoundState.Upgrading;
            Queue.Schedule(_upgradeSec[host], this, host);
        }
    }
}
