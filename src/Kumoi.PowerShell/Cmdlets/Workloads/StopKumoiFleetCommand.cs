using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.Workloads.Maintenance;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Shuts down all running VMs, in an order: what others depend on comes last.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiFleet", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(KumoiPlanStep))]
public sealed class StopKumoiFleetCommand : WorkloadCmdlet
{
    /// <summary>Names of VMs, one stage each. VMs of no stage are shut down before all stages.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    [AllowNull]
    public string[] Order { get; set => field = value ?? []; } = [];

    /// <summary>VMs that go on running.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    [AllowNull]
    public string[] Exclude { get; set => field = value ?? []; } = [];

    /// <summary>How long a guest may take to shut down.</summary>
    [Parameter]
    [ValidateRange(0, 86400)]
    public int TimeoutSec { get; set; } = 120;

    /// <summary>Turns off, as by pulling the plug, guests that take longer, and such as are paused.</summary>
    [Parameter]
    public SwitchParameter TurnOff { get; set; }

    /// <summary>How many VMs of a stage are shut down at a time.</summary>
    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = 32;

    private protected override void Act()
    {
        FleetShutdown? workload = null;
        Func<KumoiVM, int?>? stageOf = null;
        workload = new FleetShutdown(
            Fleet, Hosts, vm => (stageOf ??= StagesOf(workload!.VMs))(vm), TimeSpan.FromSeconds(TimeoutSec), TurnOff,
            CreateOptions(substitute: false));
        var stage = new List<KumoiPlanStep>();
        var goOn = true;
        var step = Next(workload);
        if (step is not null && !AreClear(workload.VMs))
        {
            // Nothing was stopped yet: a VM that is misspelt would go down at the wrong time.
            return;
        }

        while (goOn && step is not null)
        {
            var current = workload.StageOf(step);
            stage.Clear();
            for (; step is not null && workload.StageOf(step) == current; step = Next(workload))
            {
                if (Approve(workload, step))
                {
                    stage.Add(step);
                }
            }

            goOn = Execute(workload, stage, ThrottleLimit);
        }

        Finish(workload.Log);
    }

    /// <summary>The stage of each VM: 0 for those that nobody has named.</summary>
    private Func<KumoiVM, int?> StagesOf(IReadOnlyList<KumoiVM> vms)
    {
        var stages = new Dictionary<KumoiVM, int?>(ReferenceEqualityComparer.Instance);
        foreach (var (i, name) in Names.Typed(Order).Index())
        {
            foreach (var vm in Names.Choose(vms, vm => vm.Name, [name]))
            {
                stages.TryAdd(vm, 1 + i);
            }
        }

        foreach (var vm in Exclude.Length == 0 ? [] : Names.Choose(vms, vm => vm.Name, Names.Typed(Exclude)))
        {
            stages[vm] = null;
        }

        return vm => stages.TryGetValue(vm, out var stage) ? stage : 0;
    }

    /// <summary>Whether each name means something, and one thing.</summary>
    private bool AreClear(IReadOnlyList<KumoiVM> vms)
    {
        var index = new NameIndex<KumoiVM>(vms, vm => vm.Name);
        var missing = new List<string>();
        var isClear = true;
        foreach (var name in Names.Typed(Order.Concat(Exclude)))
        {
            var (rank, found) = NameIndex<KumoiVM>.Find(name, [index]);
            if (rank is NameRank.None && !name.IsPattern)
            {
                missing.Add(name.Text);
            }
            else if (rank is NameRank.IgnoringCase && found.Select(vm => vm.Name).Distinct(StringComparer.Ordinal).Skip(1).Any())
            {
                isClear = false;
                WriteError(Errors.Ambiguous(name.Text, found.Select(vm => $"{vm.Name} on {vm.VMHost}")));
            }
        }

        if (missing.Count > 0 && Masked is not null)
        {
            WriteWarning($"No VM that can be read is named {string.Join(", ", missing)}.");
            return isClear;
        }

        missing.ForEach(name => WriteMissing(name, isWholeFleet: Hosts.Count == Fleet.Hosts.Count));
        return isClear && missing.Count == 0;
    }
}
