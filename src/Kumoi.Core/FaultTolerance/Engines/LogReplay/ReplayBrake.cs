using Kumoi.FaultTolerance.Gates;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// Lets the guest wait for its replica, so that neither the log that is not replayed nor the output that is held grows without bound. The
/// guest stands still then. Its console is never let full instead: when that goes on is not recorded, and a replica would run otherwise.
/// </summary>
internal sealed class ReplayBrake : IAsyncDisposable
{
    /// <summary>How much a guest may put out although all is full, so that a replica can be begun at all.</summary>
    private const long Extra = 1 << 20;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(10);

    /// <summary>How long a host may take to let the guest go on, when the brake is taken off for good.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly PairPlan _plan;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _end = new();
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Task _running;
    private long _most; // more held output stops the guest
    private long _few; // and less lets it go on
    private long? _since; // the guest stands still by this brake
    private long _stood;

    /// <summary>Looks from now on.</summary>
    public ReplayBrake(QemuReplay primary, ConsoleGate console, PairPlan plan, TimeProvider time)
    {
        (Primary, Console, _plan, _time) = (primary, console, plan, time);
        SetLimits();
        _running = RunAsync();
    }

    public QemuReplay Primary { get; }

    public ConsoleGate Console { get; }

    /// <summary>The guest stands still by it, or may do so.</summary>
    public bool IsOn => _since is not null;

    /// <summary>How far the replica is behind; null: none follows.</summary>
    public Func<ReplayLag>? Lag { get; set; }

    /// <summary>For how long the guest has stood still since this was asked last.</summary>
    public TimeSpan TakeStood() => _time.GetElapsedTime(0, Interlocked.Exchange(ref _stood, 0));

    /// <summary>The guest may put out some more, however much is held: a replica is found by what comes.</summary>
    public void AllowSome()
    {
        var held = Console.HeldBytes;
        Volatile.Write(ref _most, Math.Max(_plan.MaxHeldBytes / 2, held + Extra));
        Volatile.Write(ref _few, Math.Max(_plan.MaxHeldBytes / 4, held + (Extra / 2)));
    }

    /// <summary>
    /// The guest may go on, if it was this brake that has stopped it. False: that is not known, and it is to be tried again.
    /// </summary>
    public async Task<bool> ReleaseAsync(CancellationToken cancellationToken)
    {
        await _end.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var limit = new CancellationTokenSource(Patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await GoOnAsync(either.Token);
            return true;
        }
        catch (HypervisorException e)
        {
            return e.Error is HypervisorError.VMNotFound;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>The guest is left as it is: it is lost, or another process goes on with it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task RunAsync()
    {
        while (true)
        {
            try
            {
                await LookAsync();
            }
            catch (HypervisorException)
            {
                // Whoever hears the host finds out what is the matter.
            }

            await Task.Delay(BetweenLooks, _time, _end.Token);
        }
    }

    /// <summary>Looks at the guest while it stands still, for that moment or by this brake.</summary>
    public async Task<T> WhileItStandsAsync<T>(Func<Task<T>> look, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_since is not null)
            {
                return await look();
            }

            try
            {
                await Primary.StopAsync(cancellationToken);
                return await look();
            }
            finally
            {
                await Primary.GoOnAsync(CancellationToken.None);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task LookAsync()
    {
        await _turn.WaitAsync(_end.Token);
        try
        {
            await StopOrGoOnAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task StopOrGoOnAsync()
    {
        var lag = Lag?.Invoke() ?? default;
        var held = Console.HeldBytes;
        if (_since is null && (lag.IsTooFar || held > Volatile.Read(ref _most)) && await Primary.IsRunningAsync(_end.Token))
        {
            _since = _time.GetTimestamp(); // before it is stopped: who does not know whether it was lets it go on
            await Primary.StopAsync(_end.Token);
        }
        else if (_since is not null && lag.IsNear && held <= Volatile.Read(ref _few))
        {
            await GoOnAsync(_end.Token);
        }
    }

    /// <summary>A replica follows: what was allowed is over.</summary>
    public void SetLimits()
    {
        Volatile.Write(ref _most, _plan.MaxHeldBytes / 2);
        Volatile.Write(ref _few, _plan.MaxHeldBytes / 4);
    }

    private async Task GoOnAsync(CancellationToken cancellationToken)
    {
        if (_since is { } since)
        {
            await Primary.GoOnAsync(cancellationToken);
            Interlocked.Add(ref _stood, _time.GetTimestamp() - since);
            _since = null;
        }
    }
}
