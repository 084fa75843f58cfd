using Kumoi.Agents;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Workloads.ScalingGroups;

namespace Kumoi.Agent.Work;

/// <summary>
/// A group that the agent scales. It begins when all hosts of the order have been connected: VMs of the group on a host that nobody has
/// asked are not known, and a group that is larger than it seems must not grow.
/// </summary>
internal sealed class ScalingWork : IWork
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private readonly ScalingOrder _order;
    private readonly AgentHosts _hosts;
    private readonly TimeProvider _time;
    private readonly Func<string, Task> _failed;
    private readonly CancellationTokenSource _end = new();
    private readonly IReadOnlyList<HostOrder> _all;
    private readonly Task _task;
    private volatile ScalingRun? _run;
    private volatile KumoiScaling _waiting;

    /// <summary>Begins at once.</summary>
    /// <param name="order">What to do.</param>
    /// <param name="hosts">The agent's hosts.</param>
    /// <param name="time">The clock.</param>
    /// <param name="failed">Told when a failure has ended it.</param>
    public ScalingWork(ScalingOrder order, AgentHosts hosts, TimeProvider time, Func<string, Task> failed)
    {
        _order = order;
        _hosts = hosts;
        _time = time;
        _failed = failed;
        _all = [.. order.Hosts.Append(order.MasterHost).DistinctBy(host => (host.Uri, host.Name))];
        _waiting = new KumoiScaling
        {
            Group = order.Group,
            Master = order.Master,
            State = ScalingState.Waiting,
            Minimum = order.Minimum,
            Maximum = order.Maximum,
            StartedAt = time.GetUtcNow(),
            CycleCount = 0,
            IsPersistent = true,
        };
        _task = Task.Run(RunAsync);
    }

    public KumoiScaling Status => (_run?.Status ?? _waiting) with { IsPersistent = true };

    public async Task EndAsync()
    {
        await _end.CancelAsync();
        await _task;
    }

    private async Task RunAsync()
    {
        await _hosts.WantAsync(_all);
        try
        {
            var master = await FindMasterAsync();
            var options = _order.ToOptions(master);
            var scaling = new Scaling(_hosts.Fleet, () => _hosts.Of(_order.Hosts), options, _order.ToWorkloadOptions());
            await using var run = new ScalingRun(scaling, options, _time);
            _run = run;
            await Task.WhenAny(run.Ended, Task.Delay(Timeout.InfiniteTimeSpan, _end.Token));
            if (run.Status is { State: ScalingState.Failed } status)
            {
                await _failed(status.Error ?? "it failed");
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            _waiting = _waiting with { State = ScalingState.Stopped, Error = null };
        }
#pragma warning disable CA1031 // nobody waits for this task: whatever ends it is its status
        catch (Exception e)
#pragma warning restore CA1031
        {
            _waiting = _waiting with { State = ScalingState.Failed, Error = e.Message };
            await _failed(e.Message);
        }
        finally
        {
            await _hosts.ReleaseAsync(_all);
        }
    }

    /// <summary>When all hosts are connected, and one of them has the master.</summary>
    private async Task<KumoiVM> FindMasterAsync()
    {
        while (true)
        {
            var obstacle = await _hosts.ConnectAsync(_all, _end.Token);
            if (obstacle is null)
            {
                try
                {
                    if (await ReadMasterAsync() is { } master)
                    {
                        return master;
                    }

                    obstacle = $"None of its hosts has the master {_order.Master}.";
                }
                catch (HypervisorException e)
                {
                    obstacle = e.Message;
                }
            }

            _waiting = _waiting with { Error = obstacle };
            await Task.Delay(Pause, _time, _end.Token);
        }
    }

    private async Task<KumoiVM?> ReadMasterAsync()
    {
        await foreach (var read in _hosts.Fleet.ReadVMsAsync(
            _hosts.Of(_all), vm => vm.Id == _order.MasterId, includeXml: false, _end.Token))
        {
            if (read.Result is [var master, ..])
            {
                return master;
            }
        }

        return null;
    }
}
