namespace Kumoi.Tests.Lab;

/// <summary>One host of the lab, as <c>lab.sh info --json</c> describes it. The directories are paths on this machine.</summary>
public sealed record LabHost(
    string Name, string Address, string Uri, string TcpUri, string Images, string SerialLogs, string Generation, string Libvirt, string Qemu)
{
    /// <summary>It runs newer programs than this machine has.</summary>
    public bool IsNewer => Generation is "newer";
}
