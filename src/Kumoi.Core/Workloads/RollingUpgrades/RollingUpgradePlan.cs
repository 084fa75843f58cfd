using Kumoi.Fleets;
using Kumoi.Workloads.Maintenance;
using Kumoi.Workloads.Placing;

namespace Kumoi.Workloads.RollingUpgrades;

/// <summary>What a rolling upgrade would do, on models of the hosts.</summary>
internal sealed class RollingUpgradePlan(
    Fleet fleet, IReadOnlyList<KumoiConnection> turns, RollingUpgradeOptions rollingUpgrade, WorkloadOptions options, RollingUpgradeLog log,
    Func<KumoiConnection, KumoiConnection, int> tierOf)
{
    private readonly List<KumoiPlanStep> _steps = [];
    private readonly HashSet<KumoiConnection> _done = [];

    /// <summary>A step that is about a host, not about a VM.</summary>
    public static KumoiPlanStep StepOf(KumoiConnection host, PlanAction action, string reason) => new()
    {
        Order = 0,
        Action = action,
        Name = host.Name,
        VMHost = host.Name,
        Reason = reason,
    };

    public async Task<IReadOnlyList<KumoiPlanStep>> MakeAsync(CancellationToken cancellationToken)
    {
        var models = await HostModel.ReadAsync(fleet, fleet.Hosts, turns, cancellationToken);
        foreach (var host in turns.Where(host => log.StepOf(host) is not RollingUpgradeStep.Done))
        {
            if (!await AddAsync(models, models.Single(model => ReferenceEquals(model.Host.Connection, host)), cancellationToken))
            {
                break;
            }

            _done.Add(host);
        }

        return [.. _steps.Select((step, i) => step with { Order = i + 1 })];
    }

    private async Task<bool> AddAsync(List<HostModel> models, HostModel model, CancellationToken cancellationToken)
    {
        var host = model.Host.Connection;
        var reached = log.StepOf(host);
        var moved = new List<KumoiPlanStep>();
        if (reached < RollingUpgradeStep.Ran)
        {
            Add(host, PlanAction.SuspendHost);
            var evacuation = new Evacuation(
                fleet, [model, .. models.Where(other => other != model)],
                target => _done.Contains(target.Connection) ? 0 : tierOf(host, target.Connection),
                rollingUpgrade.Limits, options);
            foreach (var outcome in await evacuation.PlanAsync(cancellationToken))
            {
                _steps.Add(outcome.Element);
                moved.Add(outcome.Element);
                if (!outcome.Succeeded)
                {
                    return false;
                }
            }

            Add(host, PlanAction.RunScript);
        }

        if (reached < RollingUpgradeStep.Verified)
        {
            Add(host, PlanAction.VerifyHost);
        }

        Add(host, PlanAction.ResumeHost);
        model.TakesVMs = true;
        if (rollingUpgrade.ReturnVMs)
        {
            // As VMReturn finds them: by host, and there by name.
            foreach (var step in moved.OrderBy(step => models.FindIndex(other => other.Name == step.Target)).ThenBy(step => step.VM))
            {
                models.Single(other => other.Name == step.Target).Remove(step.VM!);
                model.Add(step.VM!);
                _steps.Add(step with { VMHost = step.Target!, Target = host.Name, Reason = $"returns to {host.Name}" });
            }
        }

        return true;
    }

    private void Add(KumoiConnection host, PlanAction action) => _steps.Add(StepOf(host, action, rollingUpgrade.Name));
}
