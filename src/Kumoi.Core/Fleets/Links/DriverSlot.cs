using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>
/// The driver's link to one host, behind the host's policy and throttle. One that turned out to be lost is closed, and opened again by the
/// next call.
/// </summary>
internal sealed class DriverSlot(
    string uri, string expectedName, ICallPolicy policy, CallThrottle throttle,
    Func<CancellationToken, Task<IHypervisorLink>> open) : IAsyncDisposable
{
    private readonly SemaphoreSlim _opening = new(1);
    private IHypervisorLink? _link;
    private IHypervisorLink? _latest;
    private bool _disposed;
    private bool _wasLost;

    public string Uri => uri;

    public ICallPolicy Policy => policy;

    public CallThrottle Throttle => throttle;

    /// <summary>Whether the link is open as far as is known without a call.</summary>
    public bool IsOpen => Volatile.Read(ref _link) is not null;

    /// <summary>The last call that was to reach the host found it silent, or out of reach.</summary>
    public bool IsSilent { get; set; }

    /// <summary>
    /// The link that was opened last, also if it is closed by now: what was begun on it, such as a migration in phases, has its own
    /// connections.
    /// </summary>
    public IHypervisorLink? Latest => Volatile.Read(ref _latest);

    /// <summary>The name that the host gives itself.</summary>
    public string? ReportedName => Volatile.Read(ref _link)?.HostName;

    /// <summary>Is told when the link is lost, and when it is open again. Must not wait.</summary>
    public Action<LinkChange>? Watcher { get; set; }

    /// <summary>Opens the link, if it is not open; fails as <see cref="CallKind.Connect"/>.</summary>
    public Task OpenAsync(CancellationToken cancellationToken) => policy.RunAsync(new Opening(this), cancellationToken);

    /// <summary>The link, opened within another call's policy.</summary>
    public ValueTask<IHypervisorLink> CurrentAsync(CancellationToken cancellationToken) =>
        Volatile.Read(ref _link) is { } link ? new(link) : new(OpenedAsync(cancellationToken));

    /// <summary>Closes a link that was lost, unless somebody has done so.</summary>
    public async Task DropAsync(IHypervisorLink lost, HypervisorException loss)
    {
        if (ReferenceEquals(Interlocked.CompareExchange(ref _link, null, lost), lost))
        {
            Volatile.Write(ref _wasLost, true);
            Watcher?.Invoke(new LinkChange(loss));
            await lost.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _opening.WaitAsync();
        try
        {
            _disposed = true;
            if (Interlocked.Exchange(ref _link, null) is { } link)
            {
                await link.DisposeAsync();
            }
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task<IHypervisorLink> OpenedAsync(CancellationToken cancellationToken)
    {
        await OpenNowAsync(cancellationToken);
        return Latest!;
    }

    private async Task OpenNowAsync(CancellationToken cancellationToken)
    {
        await _opening.WaitAsync(cancellationToken);
        try
        {
            if (_disposed)
            {
                throw new HypervisorException(
                    $"{expectedName} is disconnected.", FaultDomain.Host, error: HypervisorError.ConnectionFailed,
                    recommendedAction: "Connect again with Connect-KumoiHost.");
            }

            if (_link is null)
            {
                _latest = _link = await open(cancellationToken);
                if (_wasLost)
                {
                    _wasLost = false;
                    Watcher?.Invoke(new LinkChange(Loss: null));
                }
            }
        }
        finally
        {
            _opening.Release();
        }
    }

    private sealed class Opening(DriverSlot slot) : PolicyCall
    {
        public override CallKind Kind => CallKind.Connect;

        public override ICallGate Gate => slot.Throttle.Calls;

        public override Task TryAsync(CancellationToken cancellationToken) => slot.OpenNowAsync(cancellationToken);
    }
}
