using System.Runtime.InteropServices;
using Kumoi.Speculation.Reliability;

namespace Kumoi.PolicySimulation;

/// <summary>
/// What a workload wants done once with one VM: replicas on targets, one winner, losers abandoned. When all replicas failed, the same
/// targets are tried again after a wait, until a timeout.
/// </summary>
internal sealed class LogicalOperation(OperationRunner runner, IOperationOwner owner, int vm, double sizeGiB) : IEventHandler
{
    private const int None = -1;
    private const int RetryEvent = -1;

    private readonly List<Replica> _replicas = new(runner.Policy.MaxReplicas);

    /// <summary>
    /// The hosts of the attempt in the order in which they are tried: the targets, and then those that were given up as too slow.
    /// </summary>
    private readonly List<int> _line = new(runner.Policy.MaxReplicas);
    private int[] _targets = [];
    private int _next;
    private int _underWay;

    /// <summary>
    /// The replica that took effect, as the controller will know once it has read its host; <see cref="None"/> if there is no doubt.
    /// </summary>
    private int _inDoubt = None;
    private int _copies;

    /// <summary>What the network carried for replicas that did not win.</summary>
    private double _lostNetworkGiB;
    private double _deadlineSec;
    private double _backoffSec;

    /// <summary>What happens to a replica; an event's subject is its number times the number of kinds, plus the kind.</summary>
    private enum ReplicaEvent
    {
        End = 0,
        Hedge,
        Read,
        Kinds,
    }

    /// <summary>The owner's number of the VM.</summary>
    public int VM { get; } = vm;

    /// <summary>How large it is.</summary>
    public double SizeGiB { get; } = sizeGiB;

    /// <summary>Since when it is wanted.</summary>
    public double WantedSinceSec { get; init; } = runner.Queue.NowSec;

    /// <summary>What it takes of a host, in the owner's unit.</summary>
    public double Room { get; init; }

    /// <summary>Tries it for the first time.</summary>
    /// <param name="targets">At least one, each once, in the order in which replicas begin.</param>
    public void Begin(int[] targets)
    {
        _targets = targets;
        _deadlineSec = runner.Queue.NowSec + runner.Model.RetryTimeoutSec;
        _backoffSec = runner.Model.RetryBackoffSec;
        Attempt();
    }

    public void Handle(int subject)
    {
        if (subject == RetryEvent)
        {
            Attempt();
            return;
        }

        var (index, what) = Math.DivRem(subject, (int)ReplicaEvent.Kinds);
        if (!_replicas[index].IsUnderWay)
        {
            // It was abandoned in the meantime.
            return;
        }

        switch ((ReplicaEvent)what)
        {
            case ReplicaEvent.End:
                End(index);
                break;
            case ReplicaEvent.Hedge:
                Hedge(index);
                break;
            default:
                Read(index);
                break;
        }
    }

    private void Attempt()
    {
        _line.Clear();
        _line.AddRange(_targets);
        _next = 0;
        if (runner.Policy.HedgePercentile > 0)
        {
            LaunchNext();
        }
        else
        {
            while (_next < _line.Count)
            {
                Launch(_line[_next++]);
            }
        }

        RetryIfNoneIsLeft();
    }

    /// <summary>Launches on the next host that has room, if there is one.</summary>
    private void LaunchNext()
    {
        while (_next < _line.Count)
        {
            if (Launch(_line[_next++]))
            {
                return;
            }
        }
    }

    private bool Launch(int host)
    {
        // A host may have filled up since it was chosen.
        if (!owner.TryReserve(this, host))
        {
            return false;
        }

        var replica = runner.Draw(host, SizeGiB);
        var index = _replicas.Count;
        _replicas.Add(replica);
        _underWay++;
        // A replica that fails does so at any moment of its time.
        Schedule(replica.Fails ? replica.DurationSec * runner.Random.NextDouble() : replica.DurationSec, index, ReplicaEvent.End);
        // Who was given up once has the time that it needs.
        if (_next < _line.Count && _next <= _targets.Length && runner.HedgeDelaySec(SizeGiB) is { } delay)
        {
            Schedule(delay, index, ReplicaEvent.Hedge);
        }

        return true;
    }

    private void End(int index)
    {
        var replica = _replicas[index];
        var health = runner.Health;
        var isLinkLost = health.IsLinkLost(replica.Host) || health.LinkNumber(replica.Host) != replica.LinkNumber;
        if (replica.Fails || health.FailureNumber(replica.Host) != replica.FailureNumber)
        {
            Fail(index);
        }
        else if (_inDoubt != None)
        {
            // Complete, but not to be started while another may be running: the read decides.
        }
        else if (isLinkLost && runner.Policy is not ReplicationPolicy.OneAtATime)
        {
            // The step that starts the VM is the controller's, and could not be sent.
            Fail(index);
        }
        else
        {
            StartVM(index, isAnswerLost: isLinkLost);
        }
    }

    private void Fail(int index)
    {
        Close(index);
        runner.ObserveFailure(_replicas[index].Host);
        if (_inDoubt != None)
        {
            return;
        }

        if (runner.Policy.HedgePercentile > 0 && _underWay == 0)
        {
            LaunchNext();
        }

        RetryIfNoneIsLeft();
    }

    /// <summary>The commit point: the VM runs on this target. An answer that says otherwise must not lead to another copy.</summary>
    private void StartVM(int index, bool isAnswerLost)
    {
        CountCopy();
        if (isAnswerLost || runner.IsAnswerLost())
        {
            _inDoubt = index;
            ScheduleRead(index);
        }
        else
        {
            Win(index);
        }
    }

    private void ScheduleRead(int index) =>
        Schedule(runner.Health.ReadableInSec(_replicas[index].Host) + runner.Failures.ReadSec, index, ReplicaEvent.Read);

    private void Read(int index)
    {
        if (runner.Health.ReadableInSec(_replicas[index].Host) > 0)
        {
            ScheduleRead(index);
        }
        else
        {
            Win(index);
        }
    }

    private void Hedge(int index)
    {
        CollectionsMarshal.AsSpan(_replicas)[index].IsSlow = true;
        if (_inDoubt != None || _next >= _line.Count)
        {
            return;
        }

        if (runner.Model.OneStream)
        {
            _line.Add(_replicas[index].Host);
            Abandon(index);
        }

        LaunchNext();
        RetryIfNoneIsLeft();
    }

    private void Win(int index)
    {
        _inDoubt = None;
        for (var i = 0; i < _replicas.Count; i++)
        {
            if (i != index && _replicas[i].IsUnderWay)
            {
                Abandon(i);
            }
        }

        var winner = _replicas[index];
        CollectionsMarshal.AsSpan(_replicas)[index].IsUnderWay = false;
        runner.ObserveSuccess(winner, SizeGiB);
        runner.CountSettled(succeeded: true, _replicas.Count, _lostNetworkGiB, SizeGiB);
        owner.Succeed(this, winner.Host);
    }

    private void Abandon(int index)
    {
        Close(index);
        runner.ObserveAbandoned(_replicas[index], SizeGiB);
    }

    /// <summary>The replica failed or is abandoned: nothing is left behind but its cost.</summary>
    private void Close(int index)
    {
        ref var replica = ref CollectionsMarshal.AsSpan(_replicas)[index];
        replica.IsUnderWay = false;
        _underWay--;
        _lostNetworkGiB += runner.NetworkGiBOf(replica, SizeGiB);
        owner.Release(this, replica.Host);
    }

    private void RetryIfNoneIsLeft()
    {
        if (_underWay > 0)
        {
            return;
        }

        if (runner.Queue.NowSec + _backoffSec < _deadlineSec)
        {
            runner.Queue.Schedule(_backoffSec, this, RetryEvent);
            _backoffSec *= 2;
            return;
        }

        if (_copies > 0)
        {
            CountCopy();
        }

        runner.CountSettled(succeeded: false, _replicas.Count, _lostNetworkGiB, SizeGiB);
        owner.GiveUp(this);
    }

    /// <summary>One copy is right. Giving up an operation that took effect leads to a second one too.</summary>
    private void CountCopy()
    {
        if (_copies++ > 0)
        {
            runner.CountDoubled();
        }
    }

    private void Schedule(double delaySec, int index, ReplicaEvent what) =>
        runner.Queue.Schedule(delaySec, this, (index * (int)ReplicaEvent.Kinds) + (int)what);
}
