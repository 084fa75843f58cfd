using System.Runtime.CompilerServices;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>A link to one simulated host. Every call takes the fleet's delay, and then happens at once.</summary>
internal sealed class SimulatedLink(
    SimulatedFleet fleet, SimulatedHost host, string uri, CallTable<SimulatedLink> calls, Action close) : IHypervisorLink
{
    private readonly List<SimulatedWatcher> _watchers = [];
    private int _closed;

    public string Uri => uri;

    public string HostName => host.Name;

    internal DateTimeOffset Now => fleet.Time.GetUtcNow();

    public ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken) =>
        calls.SendAsync(this, call, cancellationToken);

    public async IAsyncEnumerable<VMLifecycleEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var watcher = new SimulatedWatcher();
        lock (fleet.Gate)
        {
            EnsureOpen();
            _watchers.Add(watcher);
            host.AddWatcher(watcher);
        }

        try
        {
            await foreach (var happened in watcher.ReadAllAsync(cancellationToken))
            {
                yield return happened;
            }
        }
        finally
        {
            lock (fleet.Gate)
            {
                _watchers.Remove(watcher);
                host.RemoveWatcher(watcher);
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            lock (fleet.Gate)
            {
                _watchers.ForEach(watcher => watcher.Close(Closed()));
            }

            close();
        }

        return ValueTask.CompletedTask;
    }

    internal SimulatedFleet Fleet => fleet;

    internal SimulatedHost Host => host;

    internal SimulatedVM Existing(Guid id) => host.Find(id) ?? throw new HypervisorException(
        $"{host.Name} has no VM with id {id:D}.", FaultDomain.VM, error: HypervisorError.VMNotFound,
        recommendedAction: "Read the VM again with Get-KumoiVM: it may have been moved or removed.");

    internal static HypervisorException WrongState(SimulatedVM vm, string verb) => new(
        $"Cannot {verb} '{vm.Name}': it is {(vm.IsMigrating ? "being migrated" : vm.State)}.", FaultDomain.VM,
        error: HypervisorError.InvalidState,
        recommendedAction: "Read the VM's state with Get-KumoiVM.");

    internal async Task<T> Call<T>(Func<T> action, CancellationToken cancellationToken)
    {
        await Delay(cancellationToken);
        EnsureOpen();
        lock (fleet.Gate)
        {
            return action();
        }
    }

    private void EnsureOpen()
    {
        if (Volatile.Read(ref _closed) != 0)
        {
            throw Closed();
        }
    }

    private HypervisorException Closed() => new(
        $"The link to {host.Name} is closed.", FaultDomain.Host, error: HypervisorError.ConnectionFailed,
        recommendedAction: "Connect again with Connect-KumoiHost.");

    internal Task Delay(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return fleet.Delay > TimeSpan.Zero ? Task.Delay(fleet.Delay, fleet.Time, cancellationToken) : Task.CompletedTask;
    }
}
