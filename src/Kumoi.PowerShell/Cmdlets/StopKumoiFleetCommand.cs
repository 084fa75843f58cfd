using System.Management.Automation;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Pumping;
using Kumoi.Workloads;

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

    protected override void EndProcessing()
    {
        var isExcluded = Exclude.Length == 0 ? static _ => false : Names.Matcher(Exclude);
        var stages = Order.Select(pattern => Names.Matcher([pattern])).ToArray();
        var workload = new FleetShutdown(
            Fleet, Hosts, vm => isExcluded(vm.Name) ? null : 1 + Array.FindIndex(stages, matches => matches(vm.Name)), TimeSpan.FromSeconds(TimeoutSec), TurnOff,
            CreateOptions(substitute: false));
        var stage = new List<KumoiPlanStep>();
        var goOn = true;
        var step = Next(workload);
        var missing = Order.Concat(Exclude).Where(name => !Names.HasWildcards(name) && !workload.VMNames.Contains(name)).ToList();
        if (step is not null && missing.Count > 0 && Masked is null)
        {
            // Nothing was stopped yet: a VM that is misspelt would go down at the wrong time.
            WriteMissing(missing);
            return;
        }

        if (missing.Count > 0)
        {
            WriteWarning($"No VM that can be read is named {string.Join(", ", missing)}.");
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
}
