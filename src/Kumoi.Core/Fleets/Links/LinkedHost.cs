using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>A host as the layers of its link know it.</summary>
/// <param name="Name">In the session.</param>
/// <param name="Identity">What tells it from all others in the journal.</param>
/// <param name="IsSimulated">It is not real.</param>
/// <param name="Driver">The driver's link.</param>
internal sealed record LinkedHost(string Name, string Identity, bool IsSimulated, DriverSlot Driver)
{
    /// <summary>The names of its VMs, as far as readings of late have told them.</summary>
    public VMNames VMNames { get; } = new();

    /// <summary>The last good reading; null before the first.</summary>
    public HostReading? LastReading { get; set; }
}
