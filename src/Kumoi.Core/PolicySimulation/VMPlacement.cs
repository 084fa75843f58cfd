namespace Kumoi.PolicySimulation;

/// <summary>Which VMs are on which host: linked lists in arrays, so that moving one costs the same in a fleet of any size.</summary>
internal sealed class VMPlacement
{
    private const int None = -1;

    private readonly int[] _first;
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int[] _host;
    private readonly int[] _count;

    /// <summary>The same number of VMs on each host.</summary>
    public VMPlacement(int hostCount, int vmsPerHost)
    {
        _first = new int[hostCount];
        _count = new int[hostCount];
        (_next, _previous, _host) = (new int[hostCount * vmsPerHost], new int[hostCount * vmsPerHost], new int[hostCount * vmsPerHost]);
        Array.Fill(_first, None);
        for (var vm = 0; vm < _host.Length; vm++)
        {
            Add(vm, vm / vmsPerHost);
        }
    }

    public int VMCount => _host.Length;

    public int HostOf(int vm) => _host[vm];

    /// <summary>Where the VM is will be asked soon.</summary>
    public void Prefetch(int vm) => PolicySimulation.Prefetch.Item(_host, vm);

    public int CountOn(int host) => _count[host];

    /// <summary>The VMs of a host, the last that came first. It must not change while it is enumerated.</summary>
    public IEnumerable<int> On(int host)
    {
        for (var vm = _first[host]; vm != None; vm = _next[vm])
        {
            yield return vm;
        }
    }

    public void Move(int vm, int target)
    {
        var (previous, next) = (_previous[vm], _next[vm]);
        if (previous == None)
        {
            _first[_host[vm]] = next;
        }
        else
        {
            _next[previous] = next;
        }

        if (next != None)
        {
            _previous[next] = previous;
        }

        _count[_host[vm]]--;
        Add(vm, target);
    }

    private void Add(int vm, int host)
    {
        (_previous[vm], _next[vm], _host[vm]) = (None, _first[host], host);
        if (_first[host] != None)
        {
            _previous[_first[host]] = vm;
        }

        _first[host] = vm;
        _count[host]++;
    }
}
