using System.Globalization;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>
/// libvirt's sizes: a whole number and a unit (https://libvirt.org/formatdomain.html#memory-allocation; src/util/virutil.c:
/// virScaleInteger). b, byte and bytes; k, M, G, T, P and E, alone or with iB, by 1024; with B alone by 1000; all of them in any case.
/// </summary>
internal static class ScaledInteger
{
    public const string KiB = "KiB";

    /// <summary>In bytes; null where there is no such element.</summary>
    /// <param name="element">With the number, and perhaps the unit.</param>
    /// <param name="defaultUnit">That of a number without one.</param>
    /// <exception cref="HypervisorException">
    /// <see cref="HypervisorError.InvalidSpecification"/>: it is no such size, or too large.
    /// </exception>
    public static long? Read(XElement? element, string defaultUnit) =>
        element is null ? null : Read(element.Name.LocalName, element.Value, (string?)element.Attribute("unit"), defaultUnit);

    /// <summary>As above, where the number is an attribute.</summary>
    public static long? Read(XElement element, string attribute, string defaultUnit) =>
        (string?)element.Attribute(attribute) is { } number
            ? Read(attribute, number, (string?)element.Attribute("unit"), defaultUnit) : null;

    private static long Read(string what, string number, string? unit, string defaultUnit)
    {
        if (!ulong.TryParse(number.AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            throw Refuse($"'{number.Trim()}' is no size for <{what}>: it is a whole number, without a sign.");
        }

        var scale = ScaleOf(string.IsNullOrEmpty(unit) ? defaultUnit : unit) ?? throw Refuse($"The unit '{unit}' of <{what}> is unknown.");
        return value <= (ulong)(long.MaxValue / scale)
            ? (long)value * scale : throw Refuse($"{number.Trim()} {unit} is too large for <{what}>.");
    }

    /// <summary>Null: there is no such unit.</summary>
    private static long? ScaleOf(string unit)
    {
        if (unit.Equals("b", StringComparison.OrdinalIgnoreCase) || unit.Equals("byte", StringComparison.OrdinalIgnoreCase)
            || unit.Equals("bytes", StringComparison.OrdinalIgnoreCase))
        {
            return 1;
        }

        long? step = unit[1..].ToUpperInvariant() switch
        {
            "" or "IB" => 1024,
            "B" => 1000,
            _ => null,
        };
        var power = "KMGTPE".IndexOf(char.ToUpperInvariant(unit[0]), StringComparison.Ordinal) + 1;
        if (step is not { } by || power == 0)
        {
            return null;
        }

        var scale = 1L;
        for (var i = 0; i < power; i++)
        {
            scale *= by;
        }

        return scale;
    }

    private static HypervisorException Refuse(string message) => new(
        message, FaultDomain.VM, error: HypervisorError.InvalidSpecification,
        recommendedAction: "Give such as <memory unit='GiB'>2</memory>; the units are b, KB, KiB, MB, MiB, and so on up to EiB.");
}
