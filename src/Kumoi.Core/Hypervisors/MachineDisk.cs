namespace Kumoi.Hypervisors;

/// <summary>A disk of a new VM whose image is known.</summary>
/// <param name="Spec">As it was asked for.</param>
/// <param name="Path">Of its image on the host, which may be still to be made.</param>
/// <param name="Format"><c>raw</c> or <c>qcow2</c>.</param>
internal readonly record struct MachineDisk(DiskSpec Spec, string Path, string Format);
