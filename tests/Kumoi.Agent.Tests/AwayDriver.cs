using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated;

namespace Kumoi.Agent.Tests;

/// <summary>Simulated hosts, of which kvm02 cannot be reached at first.</summary>
internal sealed class AwayDriver(TimeProvider time) : IHypervisorDriver
{
    private readonly SimulatedDriver _driver = new(time);
    private IHypervisorLink? _held;

    public bool IsAway { get; set; } = true;

    public string Name => _driver.Name;

    public bool IsSimulated => true;

    public bool Handles(string uri) => _driver.Handles(uri);

    public IReadOnlyList<HostAddress> Resolve(string uri) => _driver.Resolve(uri);

    public Task<IHypervisorLink> OpenAsync(HostAddress address, CancellationToken cancellationToken) =>
        IsAway && address.ExpectedName == "kvm02"
            ? Task.FromException<IHypervisorLink>(new HypervisorException(
                "no route to host", FaultDomain.Host, error: HypervisorError.AuthenticationFailed))
            : _driver.OpenAsync(address, cancellationToken);

    /// <summary>The VMs of the first host, which is there from now on.</summary>
    public async Task<IReadOnlyList<VMReading>> VMsAsync()
    {
        _held ??= await _driver.OpenAsync(_driver.Resolve("sim://lab/kvm01?hosts=5&vms=1&running=1&seed=3")[0], CancellationToken.None);
        return await _held.SendAsync(new ReadVMs(), CancellationToken.None);
    }
}
