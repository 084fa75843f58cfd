namespace Kumoi.Hypervisors;

/// <summary>Opens links. Known only to the place that opens them.</summary>
public interface IHypervisorDriver
{
    /// <summary>Such as <c>libvirt</c>; what a connection shows as its driver.</summary>
    string Name { get; }

    /// <summary>Its hosts are not real: faults may be injected without asking twice.</summary>
    bool IsSimulated { get; }

    /// <summary>Whether this driver opens such URIs.</summary>
    bool Handles(string uri);

    /// <summary>
    /// The hosts behind a URI, without connecting: one for libvirt, a fleet for the simulator. Each result can be opened by itself.
    /// Fails with <see cref="HypervisorError.InvalidUri"/>.
    /// </summary>
    IReadOnlyList<HostAddress> Resolve(string uri);

    /// <summary>Opens a link to one host.</summary>
    Task<IHypervisorLink> OpenAsync(HostAddress address, CancellationToken cancellationToken);

    /// <summary>
    /// Hosts of this driver are about to be connected: what their first link needs once in the process may begin now, beside what its caller
    /// does. Does not wait, and does not fail: who opens a link is told.
    /// </summary>
    void Prepare()
    {
    }
}
