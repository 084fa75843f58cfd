using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Migrations;

/// <summary>
/// As libvirt was seen to do it: the copy is destroyed when its caller goes, and can be started at any time, even too early.
/// </summary>
internal sealed class SimulatedIncomingMigration(SimulatedLink link, SimulatedVM copy, MigrationOffer offer) : IIncomingMigration
{
    private bool _hasAll;
    private bool _isStarted;

    public string HostName => link.HostName;

    public string VMName => offer.Name;

    public Task<Done> FinishAsync(CancellationToken cancellationToken) => link.Call(
        () =>
        {
            if (!ReferenceEquals(link.Host.Find(copy.Id), copy))
            {
                throw new HypervisorException(
                    $"{HostName} has no '{copy.Name}' to start.", FaultDomain.Host, error: HypervisorError.VMNotFound);
            }

            _isStarted = true;
            copy.IsMigrating = false;
            copy.IsHeldByMigration = false;
            copy.IsTorn = !_hasAll;
            copy.ChangeState(offer.IsPaused ? PowerState.Paused : PowerState.Running, link.Now);
            if (!offer.IsPaused)
            {
                link.Fleet.LetRun(copy);
            }

            link.Host.Publish(copy, VMLifecycle.Started, link.Now);
            return default(Done);
        },
        cancellationToken);

    public Task<Done> AbandonAsync(CancellationToken cancellationToken) => link.Call(
        () =>
        {
            if (ReferenceEquals(link.Host.Find(copy.Id), copy) && !copy.IsHeldByMigration)
            {
                throw new HypervisorException(
                    $"{HostName} was asked to start '{copy.Name}', and has it {copy.State}: it is not removed.", FaultDomain.Host,
                    error: HypervisorError.InvalidState);
            }

            Remove();
            return default(Done);
        },
        cancellationToken);

    public ValueTask DisposeAsync()
    {
        if (!_isStarted)
        {
            lock (link.Fleet.Gate)
            {
                Remove();
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Takes the whole state; false if the copy is there no more. Within the fleet's gate.</summary>
    public bool TryTakeAll() => _hasAll = ReferenceEquals(link.Host.Find(copy.Id), copy);

    /// <summary>The VM has arrived for good; a copy that was not started goes as it is. Within the fleet's gate.</summary>
    public void TakeMarkOff()
    {
        if (_isStarted)
        {
            copy.Mark = null;
        }
    }

    private void Remove()
    {
        if (ReferenceEquals(link.Host.Find(copy.Id), copy))
        {
            link.Host.VMs.Remove(copy.Name);
            link.Host.Publish(copy, VMLifecycle.Stopped, link.Now);
        }
    }
}
