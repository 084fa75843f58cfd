namespace Kumoi;

/// <summary>The workloads of paper 002, and the time that each wants to be short.</summary>
public enum PolicyWorkload
{
    /// <summary>Moves VMs from overloaded hosts to others. Time: how long a host stays overloaded, in the mean.</summary>
    CapacityMultiplexing = 0,

    /// <summary>
    /// Powers VMs on in answer to check-ins; what fails goes back into the backlog. Time: from check-in to the VM's launch, in the mean.
    /// </summary>
    ContinuousIntegration,

    /// <summary>Evacuates and upgrades each host in turn. Time: until all are upgraded.</summary>
    RollingUpgrade,
}
