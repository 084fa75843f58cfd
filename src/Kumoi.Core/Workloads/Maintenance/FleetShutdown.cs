using Kumoi.Fleets;

namespace Kumoi.Workloads.Maintenance;

/// <summary>
/// Shuts down all running VMs in an order: a stage begins when all VMs of the stage before are off. The steps of one
/// stage may be executed at the same time.
/// </summary>
/// <param name="fleet">The fleet.</param>
/// <param name="hosts">The hosts whose VMs are shut down.</param>
/// <param name="stageOf">The stage of a VM, 0 first; null: it is left running.</param>
/// <param name="patience">How long a guest may take.</param>
/// <param name="turnOff">Whether one that takes longer is turned off, as by pulling the plug.</param>
/// <param name="options">How failures are treated.</param>
public sealed class FleetShutdown(
    Fleet fleet, IReadOnlyList<KumoiConnection> hosts, Func<KumoiVM, int?> stageOf, TimeSpan patience, bool turnOff,
    WorkloadOptions options)
    : Workload(fleet, options)
{
    private Queue<KumoiPlanStep>? _steps;

    /// <summary>All VMs of the hosts, whatever their state; known before the first is asked for its stage.</summary>
    public IReadOnlyList<KumoiVM> VMs { get; private set; } = [];

    /// <summary>The stage that the step belongs to, 0 first.</summary>
    public int StageOf(KumoiPlanStep step) => stageOf(step.VM!) ?? 0;

    public override async Task<KumoiPlanStep?> NextAsync(CancellationToken cancellationToken)
    {
        _steps ??= new(Plan((await ReadAsync(hosts, cancellationToken)).SelectMany(host => host.VMs).ToList()));
        return _steps.TryDequeue(out var step) ? step : null;
    }

    private IEnumerable<KumoiPlanStep> Plan(List<KumoiVM> vms)
    {
        VMs = vms;
        var stages = vms
            .Where(vm => vm.State.HoldsHost())
            .Select(vm => (VM: vm, Stage: stageOf(vm)))
            .Where(pair => pair.Stage is not null)
            .GroupBy(pair => pair.Stage, pair => pair.VM)
            .OrderBy(stage => stage.Key);
        return stages.SelectMany((stage, number) => stage.Select(vm => new KumoiPlanStep
        {
            Order = NextOrder(),
            Action = PlanAction.Stop,
            VM = vm,
            Name = vm.Name,
            VMHost = vm.VMHost,
            Reason = $"stage {number + 1} of {stages.Count()}",
        }));
    }

    public override void Assume(KumoiPlanStep step)
    {
        // The other steps do not depend on what became of it.
    }

    public override void LeaveOut(KumoiPlanStep step)
    {
        // As above.
    }

    protected override async Task<KumoiPlanStep> DoAsync(KumoiPlanStep step, CancellationToken cancellationToken) =>
        step with { VM = await ShutDownAsync(step.VM!, patience, turnOff, cancellationToken) };
}
