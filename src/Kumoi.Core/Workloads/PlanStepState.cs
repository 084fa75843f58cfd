namespace Kumoi;

/// <summary>What became of a step of a workload.</summary>
public enum PlanStepState
{
    /// <summary>Nothing was done yet.</summary>
    Planned = 0,
    Done,

    /// <summary>It failed; the failure is an error.</summary>
    Failed,

    /// <summary>It failed, and the failure was masked.</summary>
    Masked,

    /// <summary>It failed, and another VM takes the VM's place.</summary>
    Replaced,

    /// <summary>It was declined.</summary>
    Skipped,
}
