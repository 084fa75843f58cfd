using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>
/// The rest of the way of a call: the layers that it has not passed yet, and the driver behind them. A value, so that a layer costs no
/// closure.
/// </summary>
internal readonly struct Next(LinkLayer[] layers, int index, IHypervisorLink? driver)
{
    /// <summary>The same way to this driver's link.</summary>
    public Next To(IHypervisorLink link) => new(layers, index, link);

    public ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken) =>
        index < layers.Length ? layers[index].SendAsync(call, new Next(layers, index + 1, driver), cancellationToken)
        : call.OtherHost is HostLink other ? new(SendWithOtherAsync(driver!, call, other, cancellationToken))
        : driver!.SendAsync(call, cancellationToken);

    /// <summary>The other host's driver link is what the driver needs.</summary>
    private static async Task<T> SendWithOtherAsync<T>(
        IHypervisorLink driver, HostCall<T> call, HostLink other, CancellationToken cancellationToken) =>
        await driver.SendAsync(call.WithOtherHost(await other.Host.Driver.CurrentAsync(cancellationToken)), cancellationToken);
}
