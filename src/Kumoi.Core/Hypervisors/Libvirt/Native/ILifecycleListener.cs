namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>Is called by libvirt's event thread: it copies, and returns.</summary>
internal interface ILifecycleListener
{
    /// <summary>libvirt-domain: virConnectDomainEventCallback.</summary>
    void Post(Guid id, string name, int kind, int detail);

    /// <summary>libvirt holds it no more.</summary>
    void Released();
}
