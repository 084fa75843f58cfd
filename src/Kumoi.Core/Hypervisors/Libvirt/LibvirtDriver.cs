using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt;

/// <summary>Opens links to hosts through the system's libvirt (https://libvirt.org).</summary>
public sealed class LibvirtDriver(TimeProvider? timeProvider = null) : IHypervisorDriver
{
    private readonly TimeProvider _time = timeProvider ?? TimeProvider.System;
    private bool _isPrepared;

    public string Name => "libvirt";

    public bool IsSimulated => false;

    /// <summary>Everything with a scheme, except the simulator's.</summary>
    public bool Handles(string uri) =>
        LibvirtUri.HasScheme(uri, out var scheme) && !string.Equals(scheme, "sim", StringComparison.OrdinalIgnoreCase);

    /// <summary>libvirt's library with all that it stands on is loaded by a thread of its own.</summary>
    public void Prepare()
    {
        if (!LibvirtLibrary.IsReady && Interlocked.Exchange(ref _isPrepared, true) is false)
        {
            new Thread(LibvirtLibrary.TryEnsureReady) { IsBackground = true, Name = "kumoi-libvirt-load" }.Start();
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<HostAddress> Resolve(string uri) => [new HostAddress(uri, LibvirtUri.Parse(uri).ExpectedName)];

    /// <summary>
    /// Never asks anybody for a password: credentials come from libvirt's auth.conf, ssh agents, certificates or tickets. Where
    /// nobody answers, the system may try for minutes; cancelling does not wait for it.
    /// </summary>
    public async Task<IHypervisorLink> OpenAsync(HostAddress address, CancellationToken cancellationToken)
    {
        var link = new LibvirtLink(LibvirtUri.Parse(address.Uri), _time, LibvirtCalls.Table);
        try
        {
            link.HostName = await HostReadings.Of(link).BeginAsync(cancellationToken);
            return link;
        }
        catch (OperationCanceledException)
        {
            // Disposing waits for the connecting call; who cancelled shall not.
            _ = link.DisposeAsync().AsTask();
            throw;
        }
        catch
        {
            await link.DisposeAsync();
            throw;
        }
    }
}
