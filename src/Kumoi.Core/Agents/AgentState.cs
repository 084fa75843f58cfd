namespace Kumoi;

/// <summary>Whether the agent runs.</summary>
public enum AgentState
{
    NotRunning = 0,
    Running,

    /// <summary>It runs, and is of another version of the module: this one cannot give it work.</summary>
    OtherVersion,

    /// <summary>It runs, and does not answer.</summary>
    NotResponding,
}
