using Kumoi.Fleets;
using Kumoi.Fleets.Journaling;
using Kumoi.Fleets.Links;
using Kumoi.Fleets.Maintenance;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi;

/// <summary>One host that the session is connected to.</summary>
public sealed class KumoiConnection : IComparable<KumoiConnection>, IComparable
{
    private readonly LinkedHost _host;
    private volatile string? _id;

    internal KumoiConnection(
        LinkedHost host, IHypervisorDriver driver, ConnectRequest request, DateTimeOffset connectedAt, IHypervisorLink link,
        FleetJournal? journal,
        MaintenanceMarks? maintenance)
    {
        _host = host;
        Driver = driver.Name;
        Request = request;
        Tags = request.Tags;
        FailureGroup = request.FailureGroup;
        ConnectedAt = connectedAt;
        Link = link;
        Journal = journal;
        Maintenance = maintenance;
    }

    /// <summary>The host's name in this session: its own, or the one that was given when connecting.</summary>
    public string Name => _host.Name;

    /// <summary>The connection's URI, without secrets.</summary>
    public string Uri => _host.Driver.Uri;

    /// <summary><c>libvirt</c> or <c>simulated</c>.</summary>
    public string Driver { get; }

    /// <summary>The host is not real.</summary>
    public bool IsSimulated => _host.IsSimulated;

    /// <summary>False after the link was lost; the next call opens it again.</summary>
    public bool IsOpen => _host.Driver.IsOpen;

    public DateTimeOffset ConnectedAt { get; }

    /// <summary>The labels that the admin gave the host when connecting.</summary>
    public IReadOnlyList<string> Tags { get; }

    /// <summary>
    /// What the host shares with others so that they fail together, as the admin said when connecting: a rack, a switch. Null: not said.
    /// </summary>
    public string? FailureGroup { get; }

    /// <summary>How it was asked for: with secrets, never shown.</summary>
    internal ConnectRequest Request { get; }

    internal IHypervisorLink Link { get; }

    /// <summary>As the layers of its link know it.</summary>
    internal LinkedHost Linked => _host;

    /// <summary>Null: nothing is journaled.</summary>
    internal FleetJournal? Journal { get; }

    /// <summary>Null: nothing is journaled, so nothing is known of maintenance.</summary>
    internal MaintenanceMarks? Maintenance { get; }

    /// <summary>
    /// What tells the host from all others in the journal, in every session: its URI, under whatever name it is connected. A simulated host
    /// is made anew with its fleet, so it is another one with each connection.
    /// </summary>
    internal string Identity => _host.Identity;

    /// <summary>
    /// What the host itself tells it from all others by, whatever it is called here and however it is reached. It does not change: it is
    /// asked for once.
    /// </summary>
    internal async Task<string> ReadIdAsync(CancellationToken cancellationToken) =>
        _id ??= await Link.SendAsync(new ReadHostId(), cancellationToken);

    /// <summary>The last good reading of the host; null before the first.</summary>
    internal HostReading? LastReading
    {
        get => _host.LastReading;
        set => _host.LastReading = value;
    }

    public int CompareTo(KumoiConnection? other) => NaturalOrder.Instance.Compare(Name, other?.Name);

    int IComparable.CompareTo(object? obj) => CompareTo(obj as KumoiConnection);

    public override string ToString() => Name;
}
