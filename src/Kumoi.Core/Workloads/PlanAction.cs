namespace Kumoi;

/// <summary>What a step of a workload does.</summary>
public enum PlanAction
{
    /// <summary>Moves a VM to another host, live.</summary>
    Move = 0,

    /// <summary>Makes a copy of a VM, and starts it.</summary>
    Clone,

    /// <summary>Stops a VM and removes it with its volumes.</summary>
    Remove,

    /// <summary>Shuts a VM down.</summary>
    Stop,

    /// <summary>Puts a host into maintenance.</summary>
    SuspendHost,

    /// <summary>Runs the script that upgrades a host.</summary>
    RunScript,

    /// <summary>Waits until a host answers, and is what it should be.</summary>
    VerifyHost,

    /// <summary>Takes a host out of maintenance.</summary>
    ResumeHost,
}
