using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>A link was lost (<paramref name="Loss"/> tells why), or is open again after that.</summary>
internal readonly record struct LinkChange(HypervisorException? Loss);
