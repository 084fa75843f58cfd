using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>One host that the session is connected to.</summary>
public sealed class KumoiConnection : IComparable<KumoiConnection>, IComparable
{
    private readonly Fleets.GuardedLink _link;
    private readonly FailureOblivious.FailureObliviousLink _masking;
    private volatile string? _id;

    internal KumoiConnection(
        string name, IHypervisorDriver driver, Fleets.ConnectRequest request, DateTimeOffset connectedAt, Fleets.GuardedLink link,
        Fleets.FleetJournal? journal = null)
    {
        Name = name;
        Driver = driver.Name;
        IsSimulated = driver.IsSimulated;
        Tags = request.Tags;
        FailureDomain = request.FailureDomain;
        ConnectedAt = connectedAt;
        _link = link;
        Journal = journal;
        Identity = IsSimulated ? $"{link.Uri}#{Guid.NewGuid():N}" : link.Uri;
        // Masking is outermost: what was masked has been tried, and is journaled as what it was.
        _masking = new FailureOblivious.FailureObliviousLink(journal is null ? link : new Fleets.JournalingLink(link, name, Identity, IsSimulated, journal), name);
    }

    /// <summary>The host's name in this session: its own, or the one that was given when connecting.</summary>
    public string Name { get; }

    /// <summary>The connection's URI, without secrets.</summary>
    public string Uri => _link.Uri;

    /// <summary><c>libvirt</c> or <c>simulated</c>.</summary>
    public string Driver { get; }

    /// <summary>The host is not real.</summary>
    public bool IsSimulated { get; }

    /// <summary>False after the link was lost; the next call opens it again.</summary>
    public bool IsOpen => _link.IsOpen;

    public DateTimeOffset ConnectedAt { get; }

    /// <summary>The labels that the admin gave the host when connecting.</summary>
    public IReadOnlyList<string> Tags { get; }

    /// <summary>What the host shares with others so that they fail together, as the admin said when connecting: a rack, a switch. Null: not said.</summary>
    public string? FailureDomain { get; }

    internal IHypervisorLink Link => _masking;

    /// <summary>Null: nothing is journaled.</summary>
    internal Fleets.FleetJournal? Journal { get; }

    /// <summary>
    /// What tells the host from all others in the journal, in every session: its URI, under whatever name it is connected. A simulated host is
    /// made anew with its fleet, so it is another one with each connection.
    /// </summary>
    internal string Identity { get; }

    /// <summary>
    /// What the host itself tells it from all others by, whatever it is called here and however it is reached. It does not change: it is asked
    /// for once.
    /// </summary>
    internal async Task<string> ReadIdAsync(CancellationToken cancellationToken) => _id ??= await Link.ReadHostIdAsync(cancellationToken);

    /// <summary>A host that stands in for one that could not be read; null if <paramref name="values"/> names no property of a host.</summary>
    internal KumoiHost? Masked(FailureOblivious.MaskMode mode, IEnumerable<KeyValuePair<string, object?>> values)
    {
        var reading = _masking.Stand(mode, includeVMs: true);
        foreach (var (name, value) in values)
        {
            if (FailureOblivious.TypedDefault.With(reading, name, value) is not { } changed)
            {
                return null;
            }

            reading = changed;
        }

        return new KumoiHost(this, reading);
    }

    /// <summary>The last good reading of the host; null before the first.</summary>
    internal HostReading? LastReading
    {
        get => _masking.LastReading;
        set => _masking.LastReading = value;
    }

    public int CompareTo(KumoiConnection? other) => NaturalOrder.Instance.Compare(Name, other?.Name);

    int IComparable.CompareTo(object? obj) => CompareTo(obj as KumoiConnection);

    public override string ToString() => Name;
}
