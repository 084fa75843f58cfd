using Kumoi.Agents;
using Kumoi.Fleets;

namespace Kumoi.Agent.Work;

/// <summary>
/// The hosts of the agent's work, which it connects to by itself. One that several pieces of work need is connected once. Safe for
/// concurrent use.
/// </summary>
internal sealed class AgentHosts(Fleet fleet) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Dictionary<(string Uri, string Name), int> _wanted = [];

    public Fleet Fleet => fleet;

    /// <summary>Somebody needs these hosts until he releases them. None that is just being disconnected is one of them.</summary>
    public async Task WantAsync(IEnumerable<HostOrder> hosts)
    {
        await _turn.WaitAsync();
        foreach (var host in hosts)
        {
            _wanted[(host.Uri, host.Name)] = _wanted.GetValueOrDefault((host.Uri, host.Name)) + 1;
        }

        _turn.Release();
    }

    /// <summary>Those that nobody needs any more are disconnected.</summary>
    public async Task ReleaseAsync(IEnumerable<HostOrder> hosts)
    {
        await _turn.WaitAsync();
        try
        {
            foreach (var host in hosts.Where(host => --_wanted[(host.Uri, host.Name)] == 0))
            {
                _wanted.Remove((host.Uri, host.Name));
                if (Find(host) is { } connected)
                {
                    await fleet.DisconnectAsync(connected);
                }
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>Connects to those that are not connected. A link that was lost is opened again by its next call.</summary>
    /// <returns>What is in the way of the first that cannot be connected; null: all are.</returns>
    public async Task<string?> ConnectAsync(IReadOnlyList<HostOrder> hosts, CancellationToken cancellationToken)
    {
        string? obstacle = null;
        var missing = hosts.Where(host => Find(host) is null).Select(host => host.ToRequest()).ToList();
        await foreach (var outcome in fleet.ConnectAsync(missing, cancellationToken))
        {
            obstacle ??= outcome.Succeeded ? null : $"{outcome.Element} is not connected: {outcome.Error!.Message}";
        }

        return obstacle;
    }

    /// <summary>Those of them that are connected.</summary>
    public IReadOnlyList<KumoiConnection> Of(IEnumerable<HostOrder> hosts) => [.. hosts.Select(Find).OfType<KumoiConnection>()];

    public KumoiConnection? Find(HostOrder host) => fleet.Find(host.Name) is { } found && found.Request.Uri == host.Uri ? found : null;
}
