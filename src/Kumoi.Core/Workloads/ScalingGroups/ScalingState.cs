namespace Kumoi;

/// <summary>Whether a group of VMs is being scaled.</summary>
public enum ScalingState
{
    Running = 0,
    Stopped,

    /// <summary>A failure that was not masked has ended it.</summary>
    Failed,

    /// <summary>The agent has it, and cannot begin: the group's Error says why.</summary>
    Waiting,
}
