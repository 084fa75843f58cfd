namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-common: virConnectCloseReason.</summary>
internal enum ConnectionLoss
{
    Error = 0,

    /// <summary>The daemon closed the connection, or died.</summary>
    EndOfFile = 1,

    /// <summary>Nothing came from the other side any more: the network, or a host that is off.</summary>
    KeepAlive = 2,
    Client = 3,
}
