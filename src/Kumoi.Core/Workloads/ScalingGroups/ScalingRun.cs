namespace Kumoi.Workloads.ScalingGroups;

/// <summary>A group that is scaled in the background until it is stopped, or fails. Safe for concurrent use.</summary>
public sealed class ScalingRun : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Scaling _scaling;
    private readonly ScalingOptions _options;
    private readonly TimeProvider _time;
    private readonly Task _task;
    private KumoiScaling _status;

    /// <summary>Begins with the first cycle at once.</summary>
    public ScalingRun(Scaling scaling, ScalingOptions options, TimeProvider time)
    {
        _scaling = scaling;
        _options = options;
        _time = time;
        _status = new KumoiScaling
        {
            Group = options.Group,
            Master = options.Master.Name,
            State = ScalingState.Running,
            Minimum = options.Minimum,
            Maximum = options.Maximum,
            StartedAt = time.GetUtcNow(),
            CycleCount = 0,
        };
        _task = Task.Run(RunAsync);
    }

    public KumoiScaling Status
    {
        get
        {
            lock (_gate)
            {
                return _status;
            }
        }
    }

    /// <summary>When it has ended, in whatever way.</summary>
    public Task Ended => _task;

    /// <summary>
    /// Ends it; a change under way takes effect or leaves nothing behind before this returns. The group's VMs stay as they are.
    /// </summary>
    public async Task<KumoiScaling> StopAsync()
    {
        await _stop.CancelAsync();
        await _task;
        return Status;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                var cycle = await _scaling.CycleAsync(_stop.Token);
                Update(status => status with
                {
                    CycleCount = status.CycleCount + 1,
                    LastCycle = cycle,
                    LastChange = cycle.Step is null ? status.LastChange : cycle,
                    MaskedCount = _scaling.Log.Count,
                });
                await Task.Delay(_options.Interval, _time, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            Update(status => status with { State = ScalingState.Stopped });
        }
#pragma warning disable CA1031 // nobody waits for this task: whatever ends it is its status
        catch (Exception e)
#pragma warning restore CA1031
        {
            Update(status => status with { State = ScalingState.Failed, Error = e.Message });
        }
    }

    private void Update(Func<KumoiScaling, KumoiScaling> change)
    {
        lock (_gate)
        {
            _status = change(_status);
        }
    }
}
