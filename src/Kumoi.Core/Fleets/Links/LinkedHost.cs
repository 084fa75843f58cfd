using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>A host as the layers of its link know it.</summary>
/// <param name="name">In the session.</param>
/// <param name="identity">What tells it from all others in the journal.</param>
/// <param name="isSimulated">It is not real.</param>
/// <param name="driver">The driver's link.</param>
internal sealed class LinkedHost(string name, string identity, bool isSimulated, DriverSlot driver)
{
    public string Name => name;

    public string Identity => identity;

    public bool IsSimulated => isSimulated;

    public DriverSlot Driver => driver;

    /// <summary>The names of its VMs, as far as readings of late have told them.</summary>
    public VMNames VMNames { get; } = new();

    /// <summary>The last good reading; null before the first.</summary>
    public HostReading? LastReading { get; set; }
}
