using System.Collections.Concurrent;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>
/// Which standby is made next. One that a host does not let go, as libvirt 9.0 does not after its daemon was killed in the middle of a
/// start, is left out there as long as there is another.
/// </summary>
internal sealed class StandbyNumbers
{
    private readonly ConcurrentDictionary<(string Host, int Number), bool> _stuck = [];

    /// <summary>The number of a standby that is neither the VM now nor has the last checkpoint.</summary>
    public int Next(string host, int? serving, int? committed)
    {
        var free = Enumerable.Range(0, PairDomains.Standbys).Where(number => number != serving && number != committed).ToList();
        return free.Where(number => !_stuck.ContainsKey((host, number))).Append(free[0]).First();
    }

    public void LeaveOut(string host, int number) => _stuck[(host, number)] = true;
}
