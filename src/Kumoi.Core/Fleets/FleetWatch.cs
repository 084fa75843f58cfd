using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Fleets;

/// <summary>
/// The journal's events and what the hypervisors of connected hosts tell of their VMs, as one stream. Hosts that are connected later are
/// watched too. Bounded: sources wait for a slow reader, and tell a gap where they have to drop something.
/// </summary>
internal sealed class FleetWatch(Fleet fleet, IJournal journal, TimeProvider time, Func<string, bool> isWatched)
{
    private const int Capacity = 256;

    /// <summary>Between two tries to watch a host again that was lost.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly Channel<KumoiEvent> _events = Channel.CreateBounded<KumoiEvent>(Capacity);
    private readonly SemaphoreSlim _fleetChanged = new(1);

    /// <summary>Events from now on, until cancelled. Leaving the enumeration ends all watches.</summary>
    public async IAsyncEnumerable<KumoiEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        fleet.Changed += OnFleetChanged;
        Task[] sources = [WatchHostsAsync(leave.Token), WatchJournalAsync(leave.Token)];
        try
        {
            await foreach (var happened in _events.Reader.ReadAllAsync(leave.Token))
            {
                yield return happened;
            }
        }
        finally
        {
            fleet.Changed -= OnFleetChanged;
            await leave.CancelAsync();
            await Task.WhenAll(sources.Select(source => Task.WhenAny(source)));
        }
    }

    private void OnFleetChanged(object? sender, EventArgs e) => _fleetChanged.Release();

    private async Task WatchJournalAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var happened in journal.WatchEventsAsync(cancellationToken))
            {
                await _events.Writer.WriteAsync(happened, cancellationToken);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Without the journal the stream would lack what it promises: it ends with the reason.
            _events.Writer.TryComplete(e);
        }
    }

    /// <summary>Keeps one watch for each connected host.</summary>
    private async Task WatchHostsAsync(CancellationToken cancellationToken)
    {
        var watches = new Dictionary<KumoiConnection, (Task Task, CancellationTokenSource Leave)>();
        try
        {
            while (true)
            {
                await _fleetChanged.WaitAsync(cancellationToken);
                var hosts = fleet.Hosts.Where(host => isWatched(host.Name)).ToHashSet();
                foreach (var host in watches.Keys.Except(hosts).ToList())
                {
                    watches.Remove(host, out var watch);
                    await EndAsync(watch);
                }

                foreach (var host in hosts.Where(host => !watches.ContainsKey(host)))
                {
                    var leave = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                    watches.Add(host, (WatchAsync(host, leave.Token), leave));
                }
            }
        }
        finally
        {
            foreach (var watch in watches.Values)
            {
                await EndAsync(watch);
            }
        }

        static async Task EndAsync((Task Task, CancellationTokenSource Leave) watch)
        {
            await watch.Leave.CancelAsync();
            await Task.WhenAny(watch.Task);
            watch.Leave.Dispose();
        }
    }

    /// <summary>Watches one host for as long as it is connected, and tells a gap after each interruption.</summary>
    private async Task WatchAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        while (true)
        {
            string why;
            try
            {
                await foreach (var happened in host.Link.WatchAsync(cancellationToken))
                {
                    await _events.Writer.WriteAsync(ToEvent(host, happened), cancellationToken);
                }

                why = "its watch has ended";
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                why = e.Message;
                if (e is HypervisorException { Error: HypervisorError.NotSupported })
                {
                    await _events.Writer.WriteAsync(Gap(host, $"{host.Name} does not report its events: {why}"), cancellationToken);
                    return;
                }
            }

            await _events.Writer.WriteAsync(Gap(host, $"Events of {host.Name} may be missed: {why}"), cancellationToken);
            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    private static KumoiEvent ToEvent(KumoiConnection host, VMLifecycleEvent happened) => happened.Kind is VMLifecycle.Gap
        ? new KumoiEvent
        {
            At = happened.At,
            Kind = KumoiEventKind.Gap,
            VMHost = host.Name,
            Message = $"Events of {host.Name} may have been missed."
        }
        : new KumoiEvent
        {
            At = happened.At,
            Kind = KumoiEventKind.VMLifecycle,
            VMHost = host.Name,
            VM = happened.VMName,
            Message = $"{happened.VMName} on {host.Name}: {happened.Kind}",
            Data = $$"""{"lifecycle":"{{happened.Kind}}","vmId":"{{happened.VMId:D}}"}""",
        };

    private KumoiEvent Gap(KumoiConnection host, string message) =>
        new() { At = time.GetUtcNow(), Kind = KumoiEventKind.Gap, VMHost = host.Name, Message = message };
}
