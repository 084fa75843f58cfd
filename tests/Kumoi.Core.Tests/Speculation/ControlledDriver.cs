using Kumoi.Hypervisors;

namespace Kumoi.Tests.Speculation;

/// <summary>The simulated driver in the hands of a <see cref="Controller"/>.</summary>
internal sealed class ControlledDriver(IHypervisorDriver inner, Controller controller) : IHypervisorDriver
{
    public string Name => inner.Name;

    /// <summary>False: the hosts outlive their controllers, as real ones do, and are known again.</summary>
    public bool IsSimulated { get; init; } = true;

    public bool Handles(string uri) => inner.Handles(uri);

    public IReadOnlyList<HostAddress> Resolve(string uri) => inner.Resolve(uri);

    public async Task<IHypervisorLink> OpenAsync(HostAddress address, CancellationToken cancellationToken) =>
        new ControlledLink(await inner.OpenAsync(address, cancellationToken), controller);
}
