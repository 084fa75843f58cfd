namespace Kumoi.Fleets;

/// <summary>A VM on a host. An id alone is not one VM: a leftover of a move, or a restored copy, has the same on another host.</summary>
/// <param name="VMHost">The host's name in this session.</param>
/// <param name="Id">The VM's id.</param>
internal sealed record VMKey(string VMHost, Guid Id);
