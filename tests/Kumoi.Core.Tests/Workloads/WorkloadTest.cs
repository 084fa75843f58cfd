using Kumoi.Fleets;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;

namespace Kumoi.Tests.Workloads;

/// <summary>What the tests of workloads share.</summary>
public abstract class WorkloadTest
{
    /// <summary>Where only memory counts, and there is enough.</summary>
    private protected static PlacementLimits Loose { get; } = new(1, 0);

    /// <summary>Every step, executed.</summary>
    private protected static async Task<List<KumoiPlanStep>> RunAsync(Workload workload)
    {
        var steps = new List<KumoiPlanStep>();
        while (await workload.NextAsync(default) is { } step)
        {
            steps.Add(await workload.ExecuteAsync(step, default));
        }

        return steps;
    }

    /// <summary>Every step, assumed.</summary>
    private protected static async Task<List<KumoiPlanStep>> PlanAsync(Workload workload)
    {
        var steps = new List<KumoiPlanStep>();
        while (await workload.NextAsync(default) is { } step)
        {
            steps.Add(step);
            workload.Assume(step);
        }

        return steps;
    }

    private protected static async Task<List<KumoiHost>> ReadAsync(LabFleet lab)
    {
        var hosts = new List<KumoiHost>();
        await foreach (var outcome in lab.Fleet.ReadHostsAsync(lab.Fleet.Hosts, default))
        {
            hosts.Add(outcome.Result);
        }

        return hosts;
    }

    /// <summary>The names of the running VMs of each host.</summary>
    private protected static async Task<Dictionary<string, string[]>> RunningAsync(LabFleet lab) =>
        (await ReadAsync(lab)).ToDictionary(
            host => host.Name, host => host.VMs.Where(vm => vm.State is PowerState.Running).Select(vm => vm.Name).ToArray(),
            StringComparer.Ordinal);

    private protected static string Text(KumoiPlanStep step) => $"{step.Name} {step.VMHost}>{step.Target}";
}
