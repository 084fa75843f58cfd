using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Migrations;

/// <summary>
/// As libvirt was seen to do it: the source is paused for good when one target has all, and nobody resumes it but the caller.
/// </summary>
internal sealed class SimulatedOutgoingMigration : IOutgoingMigration
{
    private const int Steps = 4;

    private readonly SimulatedLink _link;
    private readonly SimulatedVM _vm;
    private IReadOnlyList<SimulatedIncomingMigration> _complete = [];
    private bool _ended;

    /// <summary>Within the fleet's gate.</summary>
    public SimulatedOutgoingMigration(SimulatedLink link, SimulatedVM vm, MigrationPlan plan)
    {
        _link = link;
        _vm = vm;
        vm.IsMigrating = true;
        vm.Mark = plan.Mark;
        Offer = new MigrationOffer
        {
            Plan = plan,
            Id = vm.Id,
            Name = vm.Name,
            IsPersistent = true,
            IsPaused = vm.State is PowerState.Paused,
            Definition = vm.ToXml().ToString(),
        };
    }

    public MigrationOffer Offer { get; }

    public async Task<IReadOnlyList<IIncomingMigration>> PerformAsync(
        IReadOnlyList<IIncomingMigration> targets, ReplicaBudget budget, IProgress<ReplicaProgress>? progress,
        CancellationToken cancellationToken)
    {
        for (var step = 1; step <= Steps; step++)
        {
            await _link.Delay(cancellationToken);
            foreach (var target in targets)
            {
                progress?.Report(new ReplicaProgress(target.HostName, _vm.MemoryBytes / Steps * step, step == Steps, Dropped: null));
            }
        }

        return await _link.Call<IReadOnlyList<IIncomingMigration>>(
            () =>
            {
                var alive = targets.Cast<SimulatedIncomingMigration>().Where(target => target.TryTakeAll()).ToList();
                if (!ReferenceEquals(_link.Host.Find(_vm.Id), _vm) || alive.Count == 0)
                {
                    throw new HypervisorException(
                        alive.Count == 0 ? $"No target has taken '{_vm.Name}'." : $"'{_vm.Name}' was removed while it was being migrated.",
                        alive.Count == 0 ? FaultDomain.Host : FaultDomain.VM, error: HypervisorError.Aborted);
                }

                _vm.ChangeState(PowerState.Paused, _link.Now);
                _vm.IsHeldByMigration = true;
                _complete = alive;
                return alive;
            },
            cancellationToken);
    }

    public Task<Done> ConfirmAsync(bool cancelled, CancellationToken cancellationToken) => _link.Call(
        () =>
        {
            _ended = true;
            _vm.IsMigrating = false;
            _vm.Mark = null;
            foreach (var complete in cancelled || !Offer.Plan.Mark.IsStrict ? _complete : [])
            {
                complete.TakeMarkOff();
            }

            if (!ReferenceEquals(_link.Host.Find(_vm.Id), _vm))
            {
                return default(Done);
            }

            if (!cancelled)
            {
                _link.Host.VMs.Remove(_vm.Name);
                _link.Host.Publish(_vm, VMLifecycle.Stopped, _link.Now);
            }
            else if (_vm.IsHeldByMigration)
            {
                _vm.IsHeldByMigration = false;
                _vm.ChangeState(Offer.IsPaused ? PowerState.Paused : PowerState.Running, _link.Now);
                if (!Offer.IsPaused)
                {
                    _link.Fleet.LetRun(_vm);
                }
            }

            return default;
        },
        cancellationToken);

    public ValueTask DisposeAsync()
    {
        if (!_ended)
        {
            _ended = true;
            lock (_link.Fleet.Gate)
            {
                _vm.IsMigrating = false;
            }
        }

        return ValueTask.CompletedTask;
    }
}
