using Kumoi.Agents;
using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Workloads;
using Kumoi.Workloads.Usage;
using Microsoft.Extensions.Logging;

namespace Kumoi.Agent.Work;

/// <summary>
/// The accounting of what VMs use. It goes on from what the journal has, so that nothing is lost while no agent runs. A host that cannot be
/// read is accounted in the next interval in which it can.
/// </summary>
internal sealed class UsageWork : IWork
{
    private readonly UsageOrder _order;
    private readonly AgentHosts _hosts;
    private readonly IJournal _journal;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _task;
    private UsageMeter? _meter;
    private int _connected;
    private bool _isFirst;

    /// <summary>Begins at once.</summary>
    public UsageWork(UsageOrder order, AgentHosts hosts, IJournal journal, TimeProvider time, ILogger log)
    {
        _order = order;
        _hosts = hosts;
        _journal = journal;
        _time = time;
        _log = log;
        _task = Task.Run(RunAsync);
    }

    public async Task EndAsync()
    {
        await _end.CancelAsync();
        await _task;
    }

    private async Task RunAsync()
    {
        await _hosts.WantAsync(_order.Hosts);
        try
        {
            while (true)
            {
                await TryAccountAsync();
                await Task.Delay(_order.Interval, _time, _end.Token);
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // It was told to end.
        }
        finally
        {
            await _hosts.ReleaseAsync(_order.Hosts);
        }
    }

    private async Task TryAccountAsync()
    {
        try
        {
            await AccountAsync();
        }
        catch (Exception e) when (e is HypervisorException or JournalException or IOException or UnauthorizedAccessException)
        {
            // What was not accounted is in the next interval.
            _meter = null;
#pragma warning disable CA1848, CA1873 // once in an interval at most
            _log.LogWarning(e, "Not all was accounted in this interval.");
#pragma warning restore CA1848, CA1873
        }
    }

    private async Task AccountAsync()
    {
        await _hosts.ConnectAsync(_order.Hosts, _end.Token);
        var hosts = _hosts.Of(_order.Hosts);
        if (hosts.Count == 0)
        {
            return;
        }

        if (_meter is null || hosts.Count != _connected)
        {
            // What the journal has of a host that has come is not in a meter that did not know it.
            _meter = new UsageMeter(_hosts.Fleet, new WorkloadOptions { Mask = MaskMode.Pessimistic }, _time);
            _isFirst = !await _meter.ContinueAsync(_journal, hosts, all => all, _end.Token);
            _connected = hosts.Count;
        }

        await foreach (var usages in _meter.CycleAsync(hosts, all => all, _end.Token))
        {
            // The very first cycle has nothing to tell: it notes the counters.
            if (_order.Path is { } path && usages.Count > 0 && !_isFirst)
            {
                UsageFile.Append(path, usages);
            }
        }

        _isFirst = false;
    }
}
