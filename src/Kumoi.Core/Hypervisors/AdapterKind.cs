namespace Kumoi.Hypervisors;

/// <summary>What a VM's network adapter is connected to.</summary>
public enum AdapterKind
{
    /// <summary>Something that has no word here, such as a device of the host that the VM has for itself.</summary>
    Other = 0,

    /// <summary>A network of libvirt.</summary>
    Network,

    /// <summary>A bridge of the host.</summary>
    Bridge,

    /// <summary>An interface of the host, by macvtap.</summary>
    Direct,

    /// <summary>QEMU's own network, which reaches out only.</summary>
    User,
}
