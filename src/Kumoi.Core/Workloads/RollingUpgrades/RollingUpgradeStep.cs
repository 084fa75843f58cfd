namespace Kumoi.Workloads.RollingUpgrades;

/// <summary>How far a host has come in a rolling upgrade, in order. What is not written yet is done again after an interruption.</summary>
internal enum RollingUpgradeStep
{
    /// <summary>Nothing was begun; or of a kind that this version does not know.</summary>
    None = 0,

    /// <summary>Is being put into maintenance and emptied, and the script may be running.</summary>
    Upgrading,

    /// <summary>The script has ended well.</summary>
    Ran,

    /// <summary>The host answers, and was found to be what it should be.</summary>
    Verified,

    /// <summary>It is back in service, with its VMs if they were to come back.</summary>
    Done,
}
