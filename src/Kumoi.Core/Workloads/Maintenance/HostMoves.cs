using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Fleets.Maintenance;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Workloads.Placing;

namespace Kumoi.Workloads.Maintenance;

/// <summary>
/// Moves VMs off one host, or back to it. Unlike other workloads it goes on after a failure: the VMs do not depend on each other, and each
/// that is where it should be is one less to see to.
/// </summary>
public abstract class HostMoves : MovingWorkload
{
    private protected HostMoves(
        Fleet fleet, KumoiConnection host, IReadOnlyList<KumoiConnection> others, PlacementLimits limits, WorkloadOptions options)
        : base(fleet, [host, .. others.Where(other => !ReferenceEquals(other, host)).Distinct()], limits, options)
    {
        Host = host;
    }

    private protected HostMoves(Fleet fleet, IReadOnlyList<HostModel> hosts, PlacementLimits limits, WorkloadOptions options)
        : base(fleet, hosts, limits, options)
    {
        Host = hosts[0].Host.Connection;
    }

    private protected KumoiConnection Host { get; }

    /// <summary>VMs that should be moved, and for which there is no room.</summary>
    private protected abstract IEnumerable<(KumoiVM VM, HostModel Source)> Stranded { get; }

    /// <summary>A host that cannot be read is no target; it must not keep another one from maintenance.</summary>
    private protected sealed override MaskMode? ReadMask => MaskMode.Pessimistic;

    /// <summary>Does all steps. What failed is among the outcomes, and so is each VM for which there was no room.</summary>
    /// <param name="begun">Is told each step before it is done. Must not wait.</param>
    /// <param name="cancellationToken">Ends it between or within steps; each VM is whole on one host.</param>
    /// <exception cref="HypervisorException">The host itself could not be read.</exception>
    /// <exception cref="JournalException">The journal cannot be written: nothing more is moved.</exception>
    public async Task<IReadOnlyList<Outcome<KumoiPlanStep, KumoiPlanStep>>> RunAsync(
        Action<KumoiPlanStep>? begun, CancellationToken cancellationToken)
    {
        if (Host.Journal is { } journal)
        {
            // That a VM leaves, and that it has left, belong together.
            journal.Keep(await journal.OpenAsync(cancellationToken));
        }

        var outcomes = new List<Outcome<KumoiPlanStep, KumoiPlanStep>>();
        while (await NextOfReadableAsync(cancellationToken) is { } step)
        {
            begun?.Invoke(step);
            try
            {
                outcomes.Add(Outcome<KumoiPlanStep, KumoiPlanStep>.Success(step, await ExecuteAsync(step, cancellationToken)));
            }
            catch (Exception e) when (e is not (JournalException or OperationCanceledException))
            {
                outcomes.Add(
                    Outcome<KumoiPlanStep, KumoiPlanStep>.Failure(step with { State = PlanStepState.Failed, Error = e.Message }, e));
            }
        }

        outcomes.AddRange(WithoutRoom());
        return outcomes;
    }

    /// <summary>The steps that <see cref="RunAsync"/> would do. VMs without room are failures here too.</summary>
    /// <exception cref="HypervisorException">The host itself could not be read.</exception>
    public async Task<IReadOnlyList<Outcome<KumoiPlanStep, KumoiPlanStep>>> PlanAsync(CancellationToken cancellationToken)
    {
        var outcomes = new List<Outcome<KumoiPlanStep, KumoiPlanStep>>();
        await ReadHostsAsync(cancellationToken);
        // By the time that VMs come back it will.
        Hosts[0].TakesVMs = true;
        while (await NextOfReadableAsync(cancellationToken) is { } step)
        {
            outcomes.Add(Outcome<KumoiPlanStep, KumoiPlanStep>.Success(step, step));
            Assume(step);
        }

        outcomes.AddRange(WithoutRoom());
        return outcomes;
    }

    private protected async Task TellAsync(
        MaintenanceStep step, KumoiVM vm, KumoiVM? moved, string message, CancellationToken cancellationToken)
    {
        if (Host.Journal is { } journal)
        {
            var record = new MaintenanceRecord(Host.Identity, step) { VM = vm.Id, Target = moved?.Connection.Identity };
            await journal.AppendAsync(record.ToEvent(Host.Name, journal.Now, message, vm.Name), cancellationToken);
        }
    }

    private async Task<KumoiPlanStep?> NextOfReadableAsync(CancellationToken cancellationToken)
    {
        var step = await NextAsync(cancellationToken);
        return !Hosts[0].Host.IsMasked ? step
            : throw Log.Failures.OfType<MaskedObjectFailure>().FirstOrDefault(failure => failure.Type == Host.Name)?.Cause
                ?? new HypervisorException($"{Host.Name} cannot be read.", FaultDomain.Host);
    }

    private IEnumerable<Outcome<KumoiPlanStep, KumoiPlanStep>> WithoutRoom()
    {
        foreach (var (vm, source) in Stranded)
        {
            var why = HostModel.CanMove(vm)
                ? new HypervisorException(
                    $"There is no room for '{vm.Name}': it stays on {source.Name}.", FaultDomain.VM,
                    error: HypervisorError.ResourceUnavailable,
                    recommendedAction: "Make room, connect more hosts, or stop the VM; then run the command again.")
                : new HypervisorException(
                    $"'{vm.Name}' is {vm.State} and cannot be moved live: it stays on {source.Name}.", FaultDomain.VM,
                    error: HypervisorError.InvalidState,
                    recommendedAction: "Stop or resume the VM; then run the command again.");
            yield return Outcome<KumoiPlanStep, KumoiPlanStep>.Failure(
                new KumoiPlanStep
                {
                    Order = NextOrder(),
                    Action = PlanAction.Move,
                    VM = vm,
                    Name = vm.Name,
                    VMHost = source.Name,
                    Reason = "no room",
                    State = PlanStepState.Failed,
                    Error = why.Message,
                },
                why);
        }
    }
}
