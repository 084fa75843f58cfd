namespace Kumoi.Tests.Lab;

/// <summary>One host of the lab, as <c>lab.sh info --json</c> describes it. The directories are paths on this machine.</summary>
public sealed record LabHost(
    string Name, string Address, string Uri, string TcpUri, string Images, string SerialLogs, string Generation, string Libvirt,
    string Qemu)
{
    /// <summary>It runs newer programs than this machine has.</summary>
    public bool IsNewer => Generation is "newer";

    /// <summary>Its QEMU sends on and on until it hears that a target is ready for the VM, and its libvirt asks it to.</summary>
    public bool WaitsForTargets => Version.Parse(Qemu) >= new Version(8, 1) && Version.Parse(Libvirt) >= new Version(10, 0);
}
