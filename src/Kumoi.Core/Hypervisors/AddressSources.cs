namespace Kumoi.Hypervisors;

/// <summary>Who is asked for the addresses of a VM's network adapters.</summary>
[Flags]
public enum AddressSources
{
    /// <summary>Nobody: none are looked for.</summary>
    None = 0,

    /// <summary>The host: the leases of its virtual networks, and the neighbours that it knows (ARP).</summary>
    Host = 1,

    /// <summary>The guest's agent where it is connected: after the leases, and before the neighbours.</summary>
    Guest = 2,
}
