namespace Kumoi;

/// <summary>What a failure is <em>of</em>. It decides which lineage answers it: a failure of the VM must not burn through hosts.</summary>
public enum FaultDomain
{
    Unknown = 0,
    Host,
    VM,
    Network,
    Storage,
}
