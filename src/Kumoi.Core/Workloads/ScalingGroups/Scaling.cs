using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Workloads.Placing;

namespace Kumoi.Workloads.ScalingGroups;

/// <summary>
/// Elasticity (paper 000, Fig. 19): keeps the mean load of a group of VMs between two limits, by clones of a master. A group changes by one
/// VM, when its load has been beyond a limit for some cycles in a row. It is never taken below its minimum nor above its maximum.
/// </summary>
/// <remarks>
/// VMs whose load could not be read are left out of the mean. Those on a host that could not be read still count: they may be running.
/// </remarks>
public sealed class Scaling : Workload
{
    private readonly ScalingOptions _scaling;
    private readonly Func<IReadOnlyList<KumoiConnection>> _hosts;

    /// <summary>Where the group's VMs were seen last: a host that cannot be read does not take its VMs along.</summary>
    private readonly Dictionary<VMKey, KumoiVM> _seen = [];

    /// <summary>VMs whose removal has begun: what fails half-way is finished in the next cycle.</summary>
    private readonly HashSet<VMKey> _leaving = [];
    private int _breach;
    private IReadOnlyList<KumoiHost> _readings = [];

    /// <summary>Of one group.</summary>
    /// <param name="fleet">The fleet.</param>
    /// <param name="hosts">The hosts that may run the group's VMs; asked at each look.</param>
    /// <param name="scaling">How the group is scaled.</param>
    /// <param name="options">How failures are treated.</param>
    public Scaling(Fleet fleet, Func<IReadOnlyList<KumoiConnection>> hosts, ScalingOptions scaling, WorkloadOptions options)
        : base(fleet, options)
    {
        _scaling = scaling;
        _hosts = hosts;
    }

    /// <summary>The last look at the group; null before the first.</summary>
    public KumoiScalingCycle? Last { get; private set; }

    /// <summary>Looks at the group once more. Null: nothing is to be done now; <see cref="Last"/> tells what was seen.</summary>
    /// <exception cref="HypervisorException">A host could not be read, and failures are not masked.</exception>
    public override async Task<KumoiPlanStep?> NextAsync(CancellationToken cancellationToken)
    {
        _readings = await ReadAsync(_hosts(), cancellationToken);
        var members = Remember();
        var unreadable = _readings.Where(host => host.IsMasked).Select(host => host.Name).ToHashSet(StringComparer.Ordinal);
        var lost = _seen.Values.Count(vm => IsMember(vm) && unreadable.Contains(vm.VMHost));
        var loads = members.Where(vm => vm.State is PowerState.Running && !double.IsNaN(vm.CpuRatio)).Select(vm => vm.CpuRatio).ToList();
        var mean = loads.Count == 0 ? double.NaN : loads.Average();
        var count = members.Count + lost;
        _breach = mean > _scaling.UpperCpuRatio ? Math.Max(0, _breach) + 1 : mean < _scaling.LowerCpuRatio ? Math.Min(0, _breach) - 1 : 0;
        var step = Decide(members, count);
        if (step is { Action: PlanAction.Clone } && await TargetsAsync(cancellationToken) is [var best, ..])
        {
            step = step with { VMHost = best.Name };
        }

        Last = new KumoiScalingCycle
        {
            Group = _scaling.Group,
            At = Time.GetUtcNow(),
            VMCount = count,
            UnreadableCount = lost,
            CpuRatio = mean,
            Breach = _breach,
            Step = step,
        };
        return step;
    }

    /// <summary>One look, and what follows from it.</summary>
    public async Task<KumoiScalingCycle> CycleAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (await NextAsync(cancellationToken) is { } step)
            {
                Last = Last! with { Step = await ExecuteAsync(step, cancellationToken) };
                Tell(Last.Step.VMHost, step.Name, $"{step.Reason}: {Last.Step}");
            }

            return Last!;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Tell(host: null, vm: null, $"{_scaling.Group} could not be scaled: {e.Message}");
            throw;
        }
        finally
        {
            // Each cycle by itself: nobody may wait for the end of this.
            Fleet.Tell(Log.TakeNew());
        }
    }

    private void Tell(string? host, string? vm, string message) => Fleet.Journal?.Tell(new KumoiEvent
    {
        At = Time.GetUtcNow(),
        Kind = KumoiEventKind.Scaling,
        VMHost = host,
        VM = vm,
        Message = message,
    });

    /// <summary>A plan is of one look: nothing is assumed for the next.</summary>
    public override void Assume(KumoiPlanStep step) => LeaveOut(step);

    public override void LeaveOut(KumoiPlanStep step)
    {
        // The next look sees what became of it.
    }

    protected override async Task<KumoiPlanStep> DoAsync(KumoiPlanStep step, CancellationToken cancellationToken)
    {
        var done = step.Action is PlanAction.Clone ? await CloneAsync(step, cancellationToken) : await RemoveAsync(step, cancellationToken);
        _breach = 0;
        return done;
    }

    private List<KumoiVM> Remember()
    {
        var read = _readings.Where(host => !host.IsMasked).ToDictionary(host => host.Name, StringComparer.Ordinal);
        foreach (var gone in _seen.Where(seen => read.ContainsKey(seen.Value.VMHost)).Select(seen => seen.Key).ToList())
        {
            _seen.Remove(gone);
        }

        foreach (var vm in read.Values.SelectMany(host => host.VMs).Where(vm => NumberOf(vm) > 0 && vm.Id != _scaling.Master.Id))
        {
            // Seen last on a host that cannot be read now: it was moved from there, and is not two.
            foreach (var moved in _seen.Keys.Where(key => key.Id == vm.Id && !read.ContainsKey(key.VMHost)).ToList())
            {
                _seen.Remove(moved);
            }

            _seen[vm.Key] = vm;
        }

        _leaving.IntersectWith(_seen.Keys);
        return [.. _seen.Values.Where(vm => read.ContainsKey(vm.VMHost) && IsMember(vm)).OrderBy(NumberOf)];
    }

    private KumoiPlanStep? Decide(List<KumoiVM> members, int count)
    {
        if (_seen.Values.FirstOrDefault(vm => _leaving.Contains(vm.Key) && _readings.Any(host => !host.IsMasked && host.Name == vm.VMHost))
            is { } leaving)
        {
            return Remove("its removal was not finished", leaving);
        }

        if (count < _scaling.Minimum)
        {
            return Clone(Text($"{count} of at least {_scaling.Minimum} VMs"));
        }

        if (count > _scaling.Maximum && members.Count > 0)
        {
            return Remove(Text($"{count} of at most {_scaling.Maximum} VMs"), members[^1]);
        }

        if (_breach >= _scaling.BreachCount && count < _scaling.Maximum)
        {
            return Clone(Text($"load above {_scaling.UpperCpuRatio:0.##} for {_breach} cycles"));
        }

        return -_breach >= _scaling.BreachCount && count > _scaling.Minimum && members.Count > 0
            ? Remove(Text($"load below {_scaling.LowerCpuRatio:0.##} for {-_breach} cycles"), members[^1])
            : null;
    }

    private KumoiPlanStep Clone(string reason)
    {
        var taken = _seen.Values.Select(NumberOf).ToHashSet();
        return new()
        {
            Order = NextOrder(),
            Action = PlanAction.Clone,
            Name = ScalingGroup.NameOf(_scaling.Group, Enumerable.Range(1, taken.Count + 1).First(number => !taken.Contains(number))),
            VMHost = _scaling.Master.VMHost,
            Reason = reason,
        };
    }

    private KumoiPlanStep Remove(string reason, KumoiVM vm) => new()
    {
        Order = NextOrder(),
        Action = PlanAction.Remove,
        VM = vm,
        Name = vm.Name,
        VMHost = vm.VMHost,
        Reason = reason,
    };

    /// <summary>Where there is room. A master with disks of its own is cloned where those are.</summary>
    private async Task<IReadOnlyList<KumoiHost>> TargetsAsync(CancellationToken cancellationToken)
    {
        var hosts = _readings.Where(host => !host.IsMasked);
        try
        {
            if (await VMActions.HasOwnDisksAsync(_scaling.Master, cancellationToken))
            {
                hosts = hosts.Where(host => ReferenceEquals(host.Connection, _scaling.Master.Connection));
            }
        }
        catch (HypervisorException e) when (Options.Mask is not null)
        {
            // Who clones it will see.
            Log.Add(new MaskedObjectFailure(_scaling.Master.Name, "Read", "", e), _scaling.Master.Name);
        }

        return Placement.Find(
            hosts, new PlacementRequest(_scaling.Master.MemoryBytes, _scaling.Master.CpuCount, _scaling.Limits),
            Placement.RankOf(PlacementRank.LeastLoaded));
    }

    private async Task<KumoiPlanStep> CloneAsync(KumoiPlanStep step, CancellationToken cancellationToken)
    {
        var targets = await TargetsAsync(cancellationToken);
        if (targets.Count == 0)
        {
            throw new HypervisorException(
                $"No host has room for '{step.Name}'.", FaultDomain.Host, error: HypervisorError.ResourceUnavailable,
                recommendedAction: "Connect more hosts, or lower the group's maximum.");
        }

        var (made, substitutions) = await OnFirstAsync(Options.Substitute ? targets : targets.Take(1), MakeAsync, cancellationToken);
        // Its host may be out of reach at the next look.
        _seen[made.Key] = made;
        return step with { VM = made, VMHost = made.VMHost, Substitutions = substitutions };

        Task<KumoiVM> MakeAsync(KumoiHost host, CancellationToken token) => VMActions.CloneAsync(
            _scaling.Master, host.Connection, step.Name, start: true, domain => ScalingGroup.Mark(domain, _scaling.Group),
            OperationId.New(), token);
    }

    /// <summary>The last VM that carries the group's mark: one that only has such a name is somebody else's.</summary>
    private async Task<KumoiPlanStep> RemoveAsync(KumoiPlanStep step, CancellationToken cancellationToken)
    {
        foreach (var vm in _leaving.Contains(step.VM!.Key) ? [step.VM] : Remember().AsEnumerable().Reverse())
        {
            if (_leaving.Contains(vm.Key)
                || ScalingGroup.IsMarked(await vm.Connection.Link.SendAsync(new ReadXml(vm.Id), cancellationToken), _scaling.Group))
            {
                _leaving.Add(vm.Key);
                var stopped = IsLive(vm) ? await ShutDownAsync(vm, _scaling.StopPatience, turnOff: true, cancellationToken) : vm;
                await VMActions.RemoveAsync(stopped, turnOff: true, removeVolumes: true, cancellationToken);
                _leaving.Remove(vm.Key);
                _seen.Remove(vm.Key);
                return step with { VM = stopped, Name = vm.Name, VMHost = vm.VMHost };
            }
        }

        throw new HypervisorException(
            $"No VM of '{_scaling.Group}' was made by scaling: none is removed.", FaultDomain.VM, error: HypervisorError.InvalidState,
            recommendedAction: "Only clones that Kumoi has made for this group are removed. Remove other VMs yourself, "
                + "or raise the minimum.");
    }

    private int NumberOf(KumoiVM vm) => ScalingGroup.NumberOf(_scaling.Group, vm.Name);

    private bool IsMember(KumoiVM vm) => IsLive(vm) && !_leaving.Contains(vm.Key);

    private static bool IsLive(KumoiVM vm) => vm.State is not (PowerState.Shutoff or PowerState.Crashed);

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
