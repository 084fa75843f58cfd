using Kumoi.Hypervisors;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>A driver in the hands of a <see cref="DyingProcess"/>.</summary>
internal sealed class DyingDriver(IHypervisorDriver inner, DyingProcess process) : IHypervisorDriver
{
    public string Name => inner.Name;

    public bool IsSimulated => inner.IsSimulated;

    public bool Handles(string uri) => inner.Handles(uri);

    public IReadOnlyList<HostAddress> Resolve(string uri) => inner.Resolve(uri);

    public async Task<IHypervisorLink> OpenAsync(HostAddress address, CancellationToken cancellationToken) =>
        new DyingLink(await inner.OpenAsync(address, cancellationToken), process);
}
