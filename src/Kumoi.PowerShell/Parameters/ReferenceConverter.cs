using System.Globalization;
using System.Management.Automation;

namespace Kumoi.PowerShell.Parameters;

/// <summary>
/// Makes references of numbers as they were typed: PowerShell takes a name such as 1001, 007 or 1e3 for a number, and keeps its text.
/// </summary>
public sealed class ReferenceConverter : PSTypeConverter
{
    public override bool CanConvertFrom(object sourceValue, Type destinationType) => NameOf(sourceValue) is not null;

    public override object ConvertFrom(object sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase) =>
        Make(NameOf(sourceValue)!, destinationType);

    public override object ConvertFrom(PSObject sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase) =>
        Make(NameOf(sourceValue)!, destinationType);

    public override bool CanConvertTo(object sourceValue, Type destinationType) => false;

    public override object ConvertTo(object sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase) =>
        throw new NotSupportedException();

    /// <summary>The text of a name or a number; null for anything else.</summary>
    internal static string? NameOf(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        string text => text,
        // The wrapped number knows how it was written.
        sbyte or byte or short or ushort or int or uint or long or ulong or float or double or decimal or System.Numerics.BigInteger =>
            (string)LanguagePrimitives.ConvertTo(value, typeof(string), CultureInfo.InvariantCulture),
        _ => null,
    };

    private static object Make(string name, Type type) => type == typeof(HostReference) ? new HostReference(name) : new VMReference(name);
}
