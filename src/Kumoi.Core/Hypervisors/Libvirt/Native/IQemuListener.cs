namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>Who hears the events of a domain's QEMU. Called by libvirt's event loop; must not block, and must not throw.</summary>
internal interface IQemuListener
{
    /// <summary>QEMU has reported something.</summary>
    /// <param name="name">The event, such as STOP (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html).</param>
    /// <param name="at">By the host's clock.</param>
    /// <param name="details">Its data, a JSON object; empty: none.</param>
    void Post(string name, DateTimeOffset at, string details);

    /// <summary>No event will come any more, and libvirt has let go of the connection.</summary>
    void Released();
}
