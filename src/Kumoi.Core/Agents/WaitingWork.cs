using System.Text.Json;

namespace Kumoi.Agents;

/// <summary>What can be told of the agent's work by the journal alone.</summary>
public static class WaitingWork
{
    /// <summary>A group that nobody scales right now.</summary>
    public static KumoiScaling? Describe(AgentWorkItem item)
    {
        ScalingOrder? order;
        try
        {
            order = JsonSerializer.Deserialize(item.Order, AgentJson.Default.ScalingOrder);
        }
        catch (JsonException)
        {
            // A newer version may have written it.
            order = null;
        }

        return order is null ? null : new KumoiScaling
        {
            Group = order.Group,
            Master = order.Master,
            State = item.Error is null ? ScalingState.Waiting : ScalingState.Failed,
            Minimum = order.Minimum,
            Maximum = order.Maximum,
            StartedAt = item.GivenAt,
            CycleCount = 0,
            IsPersistent = true,
            Error = item.Error ?? "The agent does not run. Start-KumoiAgent starts it, and it goes on.",
        };
    }
}
