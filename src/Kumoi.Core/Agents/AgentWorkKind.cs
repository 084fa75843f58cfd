namespace Kumoi.Agents;

/// <summary>What the agent can be given.</summary>
public enum AgentWorkKind
{
    /// <summary>A group to scale; its name.</summary>
    Scaling = 0,

    /// <summary>The accounting of what VMs use.</summary>
    Usage,
}
