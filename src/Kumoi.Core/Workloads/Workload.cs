using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Lineage;

namespace Kumoi.Workloads;

/// <summary>
/// A job over the fleet in steps that depend on each other. Ask for the next step, and then do it, or assume it (a plan), or decline it.
/// Each step is planned by what is known then, the steps before it included. Not safe for concurrent use.
/// </summary>
public abstract class Workload(Fleet fleet, WorkloadOptions options)
{
    /// <summary>A VM's load is known from its second reading on.</summary>
    private static readonly TimeSpan BetweenReadings = TimeSpan.FromMilliseconds(250);

    private int _order;

    /// <summary>What was masked.</summary>
    public MaskLog Log { get; } = new();

    /// <summary>The clock of waits.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    protected WorkloadOptions Options => options;

    protected Fleet Fleet => fleet;

    /// <summary>What stands in for a host that cannot be read; null: that is a failure.</summary>
    private protected virtual MaskMode? ReadMask => options.Mask;

    /// <summary>The next step, planned; null: there is nothing left to do. The first call reads the hosts.</summary>
    /// <exception cref="HypervisorException">A host could not be read, and failures are not masked.</exception>
    public abstract Task<KumoiPlanStep?> NextAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Does the step that was planned last. A failure is thrown, or masked and told by <see cref="KumoiPlanStep.State"/>; after either the
    /// workload can go on without it. Never masked: a change that may have taken effect, and a journal that cannot be written.
    /// </summary>
    public async Task<KumoiPlanStep> ExecuteAsync(KumoiPlanStep step, CancellationToken cancellationToken)
    {
        try
        {
            return await DoAsync(step, cancellationToken) with { State = PlanStepState.Done };
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e) when (options.Substitute && Masking.Allows(e) && TryReplace(step))
        {
            fleet.Journal?.Tell(new KumoiEvent
            {
                At = Time.GetUtcNow(),
                Kind = KumoiEventKind.Substitution,
                VMHost = step.VMHost,
                VM = step.Name,
                Message = $"{step.Name} failed: {e.Message.TrimEnd('.')}; another VM takes its place",
            });
            return step with { State = PlanStepState.Replaced, Error = e.Message };
        }
        catch (Exception e) when (options.Mask is not null && Masking.Allows(e))
        {
            Log.Add(new MaskedObjectFailure(step.Name, step.Action.ToString(), step.Target ?? "", e), step.Name);
            LeaveOut(step);
            return step with { State = PlanStepState.Masked, Error = e.Message };
        }
        catch
        {
            LeaveOut(step);
            throw;
        }
    }

    /// <summary>Goes on as if the step that was planned last had been done.</summary>
    public abstract void Assume(KumoiPlanStep step);

    /// <summary>Goes on without the step that was planned last.</summary>
    public abstract void LeaveOut(KumoiPlanStep step);

    /// <summary>Leaves the failed step out if another VM can take the place of its VM.</summary>
    protected virtual bool TryReplace(KumoiPlanStep step) => false;

    protected abstract Task<KumoiPlanStep> DoAsync(KumoiPlanStep step, CancellationToken cancellationToken);

    protected int NextOrder() => ++_order;

    /// <summary>Targets that have failed in this run.</summary>
    private protected HashSet<string> FailedTargets { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// Does something on the first of these hosts. One that fails is replaced by the next. Returns what failed on the way, as
    /// <see cref="KumoiPlanStep.Substitutions"/> tells it.
    /// </summary>
    private protected async Task<(T Result, IReadOnlyList<string> Substitutions)> OnFirstAsync<T>(
        IEnumerable<KumoiHost> hosts, Func<KumoiHost, CancellationToken, Task<T>> act, CancellationToken cancellationToken)
    {
        var last = "";
        LineageTrace? trace = null;
        try
        {
            var result = await hosts.AsLineage()
                .Take(1)
                .Select(async (host, token) =>
                {
                    last = host.Name;
                    return await act(host, token);
                })
                .EvaluateAsync(new LineageOptions { MaxConcurrency = 1, Traced = done => trace = done }, cancellationToken);
            var failures = trace!.Steps.Where(step => step.Kind is LineageStepKind.Failure).ToList();
            FailedTargets.UnionWith(failures.Select(failure => failure.Element!));
            return (result.Items[0], Tell(failures, last));
        }
        catch (ReserveExhaustedException e)
        {
            // Nothing went well anywhere: a failure of unknown domain may be the VM's own.
            FailedTargets.UnionWith(
                trace!.Steps.Where(
                    step => step is { Kind: LineageStepKind.Failure, FaultDomain: not (FaultDomain.Unknown or FaultDomain.VM) })
                    .Select(step => step.Element!));
            // The first cause stays the cause.
            throw e.InnerException!;
        }
    }

    /// <summary>
    /// Shuts a VM down; with <paramref name="turnOff"/> pulls the plug if its guest takes too long, or is paused and cannot hear.
    /// </summary>
    private protected async Task<KumoiVM> ShutDownAsync(KumoiVM vm, TimeSpan patience, bool turnOff, CancellationToken cancellationToken)
    {
        try
        {
            return await VMActions.StopAsync(vm, turnOff && vm.State is not PowerState.Running, patience, Time, cancellationToken) ?? vm;
        }
        catch (HypervisorException e) when (turnOff && e.Error is HypervisorError.TimedOut && !e.OutcomeUnknown)
        {
            return await VMActions.StopAsync(vm, turnOff: true, patience, Time, cancellationToken) ?? vm;
        }
    }

    /// <summary>The hosts as they are now, in the given order; with the load of their VMs, which takes a second reading at first.</summary>
    protected async Task<IReadOnlyList<KumoiHost>> ReadAsync(IReadOnlyList<KumoiConnection> hosts, CancellationToken cancellationToken)
    {
        var readings = await ReadOnceAsync(hosts, cancellationToken);
        if (readings.Any(host => host.VMs.Any(vm => vm.State is PowerState.Running && double.IsNaN(vm.CpuRatio))))
        {
            await Task.Delay(BetweenReadings, Time, cancellationToken);
            readings = await ReadOnceAsync(hosts, cancellationToken);
        }

        return readings;
    }

    private async Task<IReadOnlyList<KumoiHost>> ReadOnceAsync(IReadOnlyList<KumoiConnection> hosts, CancellationToken cancellationToken)
    {
        var readings = new List<KumoiHost>(hosts.Count);
        await foreach (var outcome in fleet.ReadHostsAsync(hosts, cancellationToken))
        {
            if (outcome.Succeeded)
            {
                readings.Add(outcome.Result);
            }
            else if (ReadMask is { } mode && Masking.Allows(outcome.Error!))
            {
                Log.Add(new MaskedObjectFailure(outcome.Element.Name, "Read", "", outcome.Error!), outcome.Element.Name);
                readings.Add(outcome.Element.Mask(mode, [])!);
            }
            else
            {
                throw outcome.Error!;
            }
        }

        return readings;
    }

    private List<string> Tell(IReadOnlyList<LineageStep> failures, string target)
    {
        var told = failures.Select(failure => $"{failure.Element} failed: {failure.Detail?.TrimEnd('.')}; {target} took its place")
            .ToList();
        foreach (var message in told)
        {
            fleet.Journal?.Tell(
                new KumoiEvent { At = Time.GetUtcNow(), Kind = KumoiEventKind.Substitution, VMHost = target, Message = message });
        }

        return told;
    }
}
