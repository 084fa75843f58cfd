namespace Kumoi.Fleets;

/// <summary>A host that could not be connected.</summary>
/// <param name="Name">The name that was expected or given.</param>
/// <param name="Uri">Without secrets.</param>
/// <param name="Error">Why not.</param>
public sealed record UnconnectedHost(string Name, string Uri, Exception Error);
