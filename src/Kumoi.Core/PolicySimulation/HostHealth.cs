namespace Kumoi.PolicySimulation;

/// <summary>Which hosts are failed, slow or out of reach. What it knows does not depend on what is done with the fleet.</summary>
internal sealed class HostHealth
{
    private readonly EventQueue _queue;
    private readonly OutageProcess _hosts;
    private readonly OutageProcess _racks;
    private readonly OutageProcess _links;
    private readonly float[] _slowness;
    private readonly int _hostsPerRack;

    public HostHealth(EventQueue queue, FailureModel failures, int hostCount, int hostsPerRack, RandomStream random)
    {
        _queue = queue;
        _hostsPerRack = hostsPerRack;
        var rackCount = (hostCount + hostsPerRack - 1) / hostsPerRack;
        _racks = new(
            queue, random, rackCount, failures.FailureRate * failures.RackFailureRatio, failures.MinFailureSec, failures.MaxFailureSec);
        // Hosts that fail by themselves make up what the racks leave of the rate; both can be out.
        var byRack = (double)_racks.OutCount / rackCount;
        var alone = Math.Max(0, (failures.FailureRate - byRack) / (1 - byRack));
        _hosts = new(queue, random, hostCount, alone, failures.MinFailureSec, failures.MaxFailureSec);
        _links = new(queue, random, hostCount, failures.LostLinkRatio, failures.MinFailureSec, failures.MaxFailureSec);
        _slowness = new float[hostCount];
        for (var host = 0; host < hostCount; host++)
        {
            _slowness[host] = random.NextBool(failures.SlowHostRatio) ? (float)failures.SlowFactor : 1;
        }
    }

    public int RackOf(int host) => host / _hostsPerRack;

    public bool IsFailed(int host) => _hosts.IsOut(host) || _racks.IsOut(RackOf(host));

    public bool IsLinkLost(int host) => _links.IsOut(host);

    /// <summary>Another number later means that the host has failed in between.</summary>
    public int FailureNumber(int host) => _hosts.Number(host) + _racks.Number(RackOf(host));

    public int LinkNumber(int host) => _links.Number(host);

    /// <summary>After how long the host can be read: neither failed nor out of reach, as far as that is known now.</summary>
    public double ReadableInSec(int host) =>
        Math.Max(0, Math.Max(Math.Max(_hosts.EndSec(host), _racks.EndSec(RackOf(host))), _links.EndSec(host)) - _queue.NowSec);

    /// <summary>How many times as long an operation takes on the host.</summary>
    public double Slowness(int host) => _slowness[host];
}
