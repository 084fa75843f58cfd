using Kumoi.Fleets.Links;

namespace Kumoi.Fleets;

/// <summary>One URI to connect to. <see cref="Name"/> replaces the host's own name (only for a URI of one host).</summary>
public sealed record ConnectRequest(string Uri, string? Name, IReadOnlyList<string> Tags)
{
    /// <summary>What these hosts share so that they fail together, a rack or a switch; null: nothing that is known.</summary>
    public string? FailureGroup { get; init; }

    /// <summary>Limits of the calls to these hosts; null: the fleet's.</summary>
    public FleetLimits? Limits { get; init; }
}
