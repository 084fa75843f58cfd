namespace Kumoi.Hypervisors;

/// <summary>Where packets go from a virtual network.</summary>
public enum NetworkKind
{
    /// <summary>Out by the host, under its address.</summary>
    Nat = 0,

    /// <summary>To the VMs of the network and the host, no further.</summary>
    Isolated,

    /// <summary>To a bridge of the host, which the host has made itself.</summary>
    Bridge,

    /// <summary>Out by the host, under their own addresses.</summary>
    Routed,

    /// <summary>Elsewhere: libvirt knows more kinds.</summary>
    Other,
}
