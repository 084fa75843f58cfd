using Kumoi.Fleets;
using Kumoi.Fleets.Links;

namespace Kumoi.Agents;

/// <summary>A host that the agent is to connect to by itself, as the session that gave the work has it.</summary>
public sealed record HostOrder(string Uri, string Name, IReadOnlyList<string> Tags, string? FailureGroup, FleetLimits? Limits)
{
    /// <summary>The host as the session is connected to it.</summary>
    /// <exception cref="AgentException">The agent cannot have this host.</exception>
    public static HostOrder Of(KumoiConnection host)
    {
        if (host.IsSimulated)
        {
            throw new AgentException(
                $"{host.Name} is simulated: it lives in this session, and the agent cannot reach it.", AgentError.Refused,
                "Leave out -Persistent, or name real hosts with -VMHost.");
        }

        var request = host.Request;
        if (Hypervisors.Secrets.Mask(request.Uri) != request.Uri)
        {
            throw new AgentException(
                $"The URI of {host.Name} has a secret in it, and the agent's work is written into the journal.", AgentError.Refused,
                "Put the secret into libvirt's authentication file (https://libvirt.org/auth.html), and connect the host without it.");
        }

        return new HostOrder(request.Uri, host.Name, request.Tags, request.FailureGroup, request.Limits);
    }

    internal ConnectRequest ToRequest() => new(Uri, Name, Tags) { FailureGroup = FailureGroup, Limits = Limits };
}
