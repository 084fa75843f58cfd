namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>Something that a host lacks, and what the admin can do.</summary>
internal sealed record HostLack(HypervisorError Error, string Advice);
