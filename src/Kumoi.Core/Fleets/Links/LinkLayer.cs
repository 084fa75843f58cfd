using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>One concern of all calls on a host, between their caller and the hypervisor's driver.</summary>
internal abstract class LinkLayer
{
    /// <summary>Does its part, and sends the call on to <paramref name="next"/>: never, once, or more often.</summary>
    public abstract ValueTask<T> SendAsync<T>(HostCall<T> call, Next next, CancellationToken cancellationToken);
}
