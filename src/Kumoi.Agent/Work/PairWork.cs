using Kumoi.Agents;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Journal;
using Microsoft.Extensions.Logging;

namespace Kumoi.Agent.Work;

/// <summary>
/// Sees to it that a pair is kept until it is over: connects to its hosts, also to such as come back, and goes on with it where nobody
/// keeps it.
/// </summary>
internal sealed class PairWork : IWork
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    private readonly PairOrder _order;
    private readonly PairService _service;
    private readonly AgentHosts _hosts;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly IReadOnlyList<HostOrder> _all;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _task;

    /// <summary>Begins at once.</summary>
    public PairWork(PairOrder order, PairService service, AgentHosts hosts, TimeProvider time, ILogger log)
    {
        _order = order;
        _service = service;
        _hosts = hosts;
        _time = time;
        _log = log;
        _all = HostsOf(order);
        _hosts.Want(_all);
        _task = Task.Run(RunAsync);
    }

    /// <summary>The VM's name.</summary>
    public string Name => _order.VMName;

    /// <summary>Nothing is to be done any more.</summary>
    public bool IsOver => _task.IsCompleted;

    public static IReadOnlyList<HostOrder> HostsOf(PairOrder order) =>
        [.. order.Hosts.Select(host => new HostOrder(host.Uri, host.Name, [], FailureGroup: null, Limits: null))];

    /// <summary>The pair itself is let go by the service, as it is.</summary>
    public async Task EndAsync()
    {
        await _end.CancelAsync();
        await _task;
    }

    private async Task RunAsync()
    {
        try
        {
            var pause = Pause;
            while (true)
            {
                await _hosts.ConnectAsync(_all, _end.Token);
                if (_service.Keeps(_order.VM))
                {
                    // Hosts that were away may have come back meanwhile.
                    await Task.WhenAny(_service.UntilEndedAsync(_order.VM), Task.Delay(Pause, _time, _end.Token));
                    _end.Token.ThrowIfCancellationRequested();
                    pause = Pause;
                    continue;
                }

                if (!await TryResumeAsync())
                {
                    return;
                }

                if (!_service.Keeps(_order.VM))
                {
                    await Task.Delay(pause, _time, _end.Token);
                    pause = pause < LongestPause ? 2 * pause : pause;
                }
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // The agent ends.
        }
        finally
        {
            await _hosts.ReleaseAsync(_all);
        }
    }

    /// <summary>False: the pair is over.</summary>
    private async Task<bool> TryResumeAsync()
    {
        try
        {
            if ((await _service.ReadOpenAsync(_end.Token)).FirstOrDefault(state => state.Order.Id == _order.Id) is not { } state)
            {
                return false;
            }

            Note(await _service.ResumeAsync(state, _end.Token));
        }
        catch (JournalException e)
        {
            Note(e.Message);
        }

        return true;
    }

    private void Note(string? obstacle)
    {
#pragma warning disable CA1848, CA1873 // rarely
        if (obstacle is null)
        {
            _log.LogInformation("The agent goes on with the pair of {VM}.", Name);
        }
        else
        {
            _log.LogWarning("The agent cannot go on with the pair of {VM}: {Obstacle}", Name, obstacle);
        }
#pragma warning restore CA1848, CA1873
    }
}
