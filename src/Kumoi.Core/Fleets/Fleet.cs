using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Kumoi.Fleets.Journaling;
using Kumoi.Fleets.Links;
using Kumoi.Fleets.Maintenance;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;

namespace Kumoi.Fleets;

/// <summary>All hosts that a session is connected to. Safe for concurrent use. It is made by <c>KumoiFleet.Create</c>.</summary>
public sealed class Fleet : IAsyncDisposable
{
    /// <summary>When nobody else has answered for so long, those that have pass the one that is waited for.</summary>
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromMilliseconds(250);

    private readonly IReadOnlyList<IHypervisorDriver> _drivers;
    private readonly ICallPolicyFactory _policies;
    private readonly TimeProvider _time;
    private readonly Func<LinkedHost, IHypervisorLink> _link;
    private readonly Lock _gate = new();

    /// <summary>Guarded by the gate, and with secrets: never shown. One host may be connected under several names.</summary>
    private readonly Dictionary<string, List<KumoiConnection>> _byUri = new(StringComparer.Ordinal);

    /// <summary>By name; guarded by the gate.</summary>
    private readonly Dictionary<string, KumoiConnection> _hosts = new(StringComparer.OrdinalIgnoreCase);

    private readonly ConcurrentDictionary<UnconnectedKey, UnconnectedHost> _unconnected = new();

    private OtherCopies? _copies;
    private SemaphoreSlim? _limitedCalls;
    private FleetLimits _limits = new();
    private KumoiConnection[]? _ordered; // null: the hosts have changed since

    internal Fleet(
        IReadOnlyList<IHypervisorDriver> drivers, ICallPolicyFactory policies, FaultPlan faults, TimeProvider time, FleetJournal? journal,
        MaintenanceMarks? maintenance, Func<LinkedHost, IHypervisorLink> link)
    {
        _drivers = drivers;
        _policies = policies;
        _time = time;
        _link = link;
        Faults = faults;
        Journal = journal;
        Maintenance = maintenance;
    }

    /// <summary>Raised after the hosts have changed, for caches of their names.</summary>
    public event EventHandler? Changed;

    public FaultPlan Faults { get; }

    /// <summary>Other copies of VMs, which must not run at the same time.</summary>
    internal OtherCopies Copies => LazyInitializer.EnsureInitialized(ref _copies, () => new OtherCopies(this));

    /// <summary>Null: nothing is journaled.</summary>
    internal FleetJournal? Journal { get; }

    /// <summary>Which hosts are in maintenance, as the journal has it; null: nothing is journaled.</summary>
    internal MaintenanceMarks? Maintenance { get; }

    public FleetLimits Limits
    {
        get => _limits;
        set
        {
            lock (_gate)
            {
                _limits = value;
                _limitedCalls = null;
            }
        }
    }

    /// <summary>
    /// Hosts that somebody wanted to connect, and that could not be connected since: what they have is not known. By their expected names.
    /// </summary>
    public IReadOnlyList<UnconnectedHost> Unconnected => [.. _unconnected.Values.OrderBy(host => host.Name, NaturalOrder.Instance)];

    /// <summary>Hosts that do not answer are passed by those behind them: by the time of whoever waits, not of what hosts play.</summary>
    internal Passing<KumoiConnection> Passing => new(PatienceFor, TimeProvider.System);

    /// <summary>The same of what belongs to hosts.</summary>
    internal Passing<TElement> PassingOf<TElement>(Func<TElement, KumoiConnection> hostOf) =>
        new(element => PatienceFor(hostOf(element)), TimeProvider.System);

    /// <summary>In natural order of their names.</summary>
    public IReadOnlyList<KumoiConnection> Hosts
    {
        get
        {
            lock (_gate)
            {
                return _ordered ??= [.. _hosts.Values.OrderBy(static host => host.Name, NaturalOrder.IgnoringCase)];
            }
        }
    }

    public KumoiConnection? Find(string name)
    {
        lock (_gate)
        {
            return _hosts.GetValueOrDefault(name);
        }
    }

    /// <summary>
    /// Connects to all hosts behind the requests, concurrently. Outcomes come in the natural order of the expected names; a host that does
    /// not answer while the others have holds up none of them, and comes last. A host that is connected already under the same URI gives its
    /// connection as it is.
    /// </summary>
    public async IAsyncEnumerable<Outcome<string, KumoiConnection>> ConnectAsync(
        IReadOnlyList<ConnectRequest> requests, [EnumeratorCancellation] CancellationToken cancellationToken, int? limit = null)
    {
        var targets = new List<Target>();
        foreach (var request in requests)
        {
            Exception? refused = null;
            try
            {
                targets.AddRange(Resolve(request));
            }
            catch (HypervisorException e)
            {
                refused = e;
            }

            if (refused is not null)
            {
                yield return Outcome<string, KumoiConnection>.Failure(Secrets.Mask(request.Uri), refused);
            }
        }

        foreach (var driver in targets.Select(static target => target.Driver).Distinct())
        {
            driver.Prepare();
        }

        var ordered = targets.OrderBy(target => target.Name ?? target.Address.ExpectedName, NaturalOrder.Instance).ToList();
        var passing = new Passing<Target>(static _ => ConnectPatience, TimeProvider.System) { IsFromLast = true };
        await foreach (var outcome in FanOut.RunAsync(ordered, limit ?? Limits.MaxCalls, ConnectAsync, passing, cancellationToken))
        {
            Note(outcome.Element, outcome.Error);
            yield return outcome.Succeeded
                ? Outcome<string, KumoiConnection>.Success(outcome.Result.Uri, outcome.Result)
                : Outcome<string, KumoiConnection>.Failure(outcome.Element.Address.ExpectedName, outcome.Error!);
        }
    }

    /// <summary>Closes the host's link and takes it out of the fleet. Calls under way on it end as failed.</summary>
    public async Task DisconnectAsync(KumoiConnection host)
    {
        lock (_gate)
        {
            if (ReferenceEquals(_hosts.GetValueOrDefault(host.Name), host))
            {
                _hosts.Remove(host.Name);
                _ordered = null;
                var (uri, same) = _byUri.First(entry => entry.Value.Contains(host));
                if (same.Count > 1)
                {
                    same.Remove(host);
                }
                else
                {
                    _byUri.Remove(uri);
                }
            }
        }

        Changed?.Invoke(this, EventArgs.Empty);
        await host.Link.DisposeAsync();
    }

    /// <summary>What could not be connected is not one of the hosts any more.</summary>
    public void Forget(UnconnectedHost host)
    {
        foreach (var (key, _) in _unconnected.Where(entry => ReferenceEquals(entry.Value, host)))
        {
            _unconnected.TryRemove(key, out _);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in Hosts)
        {
            await DisconnectAsync(host);
        }
    }

    private TimeSpan PatienceFor(KumoiConnection host) => host.Linked.Driver.IsSilent ? TimeSpan.Zero : Limits.SilencePatience;

    private void Note(Target target, Exception? failure)
    {
        if (failure is null)
        {
            // Under whatever name: it is the same host.
            foreach (var known in _unconnected.Keys.Where(key => key.Uri == target.Address.Uri))
            {
                _unconnected.TryRemove(known, out _);
            }
        }
        else if (failure is not HypervisorException { Error: HypervisorError.InvalidUri or HypervisorError.InvalidState })
        {
            _unconnected[new(target.Address.Uri, target.Name)] = new UnconnectedHost(
                target.Name ?? target.Address.ExpectedName, Secrets.Mask(target.Address.Uri), failure);
        }
    }

    private IEnumerable<Target> Resolve(ConnectRequest request)
    {
        if (request.Name is { } given)
        {
            VMSpecCheck.EnsureName(given, "host");
        }

        if ((request.Limits ?? Limits).Problem is { } problem)
        {
            throw new HypervisorException(
                $"The limits cannot be used: {problem}.", error: HypervisorError.InvalidSpecification,
                recommendedAction: "See Get-Help Connect-KumoiHost -Parameter Limit.");
        }

        var driver = _drivers.FirstOrDefault(candidate => candidate.Handles(request.Uri)) ?? throw new HypervisorException(
            $"'{request.Uri}' is not a hypervisor URI.", error: HypervisorError.InvalidUri,
            recommendedAction: "Use a libvirt URI such as qemu:///system, qemu+ssh://root@host/system or test:///default, or "
                + "sim://lab?hosts=20.");
        var addresses = driver.Resolve(request.Uri);
        if (request.Name is not null && addresses.Count != 1)
        {
            throw new HypervisorException(
                $"'{request.Uri}' stands for {addresses.Count} hosts: they cannot all be named '{request.Name}'.",
                error: HypervisorError.InvalidUri, recommendedAction: "Leave out -Name.");
        }

        return addresses.Select(address => new Target(driver, address, request, request.Limits ?? Limits));
    }

    private async Task<KumoiConnection> ConnectAsync(Target target, CancellationToken cancellationToken)
    {
        var expected = target.Name ?? target.Address.ExpectedName;
        if (Connected(target) is { } connected)
        {
            return connected;
        }

        var driver = new DriverSlot(
            Secrets.Mask(target.Address.Uri), expected, _policies.ForHost(expected, target.Limits),
            new CallThrottle(AllCalls(), target.Limits.MaxCallsPerHost, target.Limits.MaxJobsPerHost),
            token => Faults.OpenAsync(expected, () => target.Driver.OpenAsync(target.Address, token), token));
        try
        {
            await driver.OpenAsync(cancellationToken);
            var name = target.Name ?? driver.ReportedName ?? expected;
            VMSpecCheck.EnsureName(name, "host");
            var identity = target.Driver.IsSimulated ? $"{driver.Uri}#{Guid.NewGuid():N}" : driver.Uri;
            var linked = new LinkedHost(name, identity, target.Driver.IsSimulated, driver);
            var host = new KumoiConnection(linked, target.Driver, target.Request, _time.GetUtcNow(), _link(linked), Journal, Maintenance);
            driver.Watcher = change => Tell(host, change);
            if (Register(host, target) is { } other)
            {
                await driver.DisposeAsync();
                return other;
            }

            return host;
        }
        catch
        {
            await driver.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// The connection to the same host, under the same name if one was given. It is found by its URI: what a host calls itself is known
    /// only once it is connected.
    /// </summary>
    private KumoiConnection? Connected(Target target)
    {
        lock (_gate)
        {
            return _byUri.GetValueOrDefault(target.Address.Uri)?
                .Find(host => target.Name is null || string.Equals(host.Name, target.Name, StringComparison.Ordinal));
        }
    }

    /// <summary>Null: it is in the fleet now. Otherwise somebody else was quicker to connect the same host.</summary>
    private KumoiConnection? Register(KumoiConnection host, Target target)
    {
        lock (_gate)
        {
            if (Connected(target) is { } quicker)
            {
                return quicker;
            }

            if (_hosts.GetValueOrDefault(host.Name) is { } other)
            {
                throw new HypervisorException(
                    $"The name '{host.Name}' already stands for {other.Uri}.", FaultDomain.Host, error: HypervisorError.InvalidState,
                    recommendedAction: $"Connect {host.Uri} under another name: Connect-KumoiHost -Uri {host.Uri} -Name …");
            }

            _hosts.Add(host.Name, host);
            _ordered = null;
            if (!_byUri.TryGetValue(target.Address.Uri, out var same))
            {
                _byUri[target.Address.Uri] = same = [];
            }

            same.Add(host);
        }

        Changed?.Invoke(this, EventArgs.Empty);
        return null;
    }

    private void Tell(KumoiConnection host, LinkChange change) => Journal?.Tell(new KumoiEvent
    {
        At = _time.GetUtcNow(),
        Kind = change.Loss is null ? KumoiEventKind.ConnectionReopened : KumoiEventKind.ConnectionLost,
        VMHost = host.Name,
        Message = change.Loss is null
            ? $"The link to {host.Name} is open again." : $"The link to {host.Name} was lost: {change.Loss.Message}",
    });

    private SemaphoreSlim AllCalls()
    {
        lock (_gate)
        {
            return _limitedCalls ??= new SemaphoreSlim(_limits.MaxCalls);
        }
    }

    private sealed record Target(IHypervisorDriver Driver, HostAddress Address, ConnectRequest Request, FleetLimits Limits)
    {
        public string? Name => Request.Name;
    }

    /// <summary>With secrets: never shown.</summary>
    private sealed record UnconnectedKey(string Uri, string? Name);
}
