using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;

namespace Kumoi.FailureOblivious;

/// <summary>What stands in for the reading of a host that could not be read.</summary>
internal static class MaskedReadings
{
    public static HostReading Of(LinkedHost host, MaskMode mode, bool includeVMs) =>
        mode is MaskMode.LastKnown && host.LastReading is { } last
            ? last with { IsMasked = true }
            : TypedDefault.Of<HostReading>(mode) with { HostName = host.Name, VMs = includeVMs ? [] : null };

    /// <summary>
    /// A host that stands in for one that could not be read; null if <paramref name="values"/> names no property of a host.
    /// </summary>
    public static KumoiHost? Mask(this KumoiConnection host, MaskMode mode, IEnumerable<KeyValuePair<string, object?>> values)
    {
        var reading = Of(host.Linked, mode, includeVMs: true);
        foreach (var (name, value) in values)
        {
            if (TypedDefault.With(reading, name, value) is not { } changed)
            {
                return null;
            }

            reading = changed;
        }

        return new KumoiHost(host, reading);
    }
}
