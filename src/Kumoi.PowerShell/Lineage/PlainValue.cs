using System.Collections;
using System.Collections.Specialized;
using System.Management.Automation;
using System.Net;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// Values that can be kept as they are now, to be compared later: what cannot change, and copies of collections of it. All else may change
/// unseen, or run code of the author's when it is looked at.
/// </summary>
internal static class PlainValue
{
    private const int MaxDepth = 16;

    private static readonly HashSet<Type> Unchanging =
    [
        typeof(string), typeof(decimal), typeof(BigInteger), typeof(DateTime), typeof(DateTimeOffset), typeof(DateOnly), typeof(TimeOnly),
        typeof(TimeSpan), typeof(Guid), typeof(Version), typeof(Uri), typeof(IPAddress), typeof(Regex), typeof(SwitchParameter),
        typeof(DBNull),
    ];

    private static readonly HashSet<Type> Lists =
        [typeof(ArrayList), typeof(List<>), typeof(HashSet<>), typeof(System.Collections.ObjectModel.Collection<>)];

    private static readonly HashSet<Type> Tables =
        [typeof(Hashtable), typeof(OrderedDictionary), typeof(Dictionary<,>), typeof(SortedDictionary<,>)];

    /// <summary>Copies a value; false if there is anything in it that cannot be kept.</summary>
    public static bool TryCopy(object? value, out object? copy) => TryCopy(value, 0, out copy);

    /// <summary>Whether two copies are of the same value.</summary>
    public static bool AreSame(object? one, object? other) => (one, other) switch
    {
        (null, null) => true,
        (null, _) or (_, null) => false,
        (Copy a, Copy b) =>
            a.Type == b.Type && a.Parts.Count == b.Parts.Count && a.Parts.Zip(b.Parts).All(pair => AreSame(pair.First, pair.Second)),
        (KumoiHost or KumoiVM, _) => ReferenceEquals(one, other),
        (DateTime a, DateTime b) => a == b && a.Kind == b.Kind,
        (Regex a, Regex b) => a.Options == b.Options && string.Equals(a.ToString(), b.ToString(), StringComparison.Ordinal),
        _ => one.GetType() == other.GetType() && one.Equals(other),
    };

    /// <summary>A copy as text: another text for another value.</summary>
    public static string Describe(object? copy) => copy switch
    {
        null => "null",
        Copy { Type.Name: var type, Parts: var parts } => $"{type}({string.Join(",", parts.Select(Describe))})",
        string text => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"",
        IFormattable value and (double or float) => value.ToString("R", System.Globalization.CultureInfo.InvariantCulture),
        DateTime or DateTimeOffset => ((IFormattable)copy).ToString("O", System.Globalization.CultureInfo.InvariantCulture),
        IFormattable value => value.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
        _ => copy.ToString() ?? "",
    };

    /// <summary>All script blocks in a value.</summary>
    public static IEnumerable<ScriptBlock> BlocksIn(object? value) => BlocksIn(value, 0);

    /// <summary>What a value is, for those who are told that it cannot be kept.</summary>
    public static string NameOf(object? value) => Unwrap(value)?.GetType().Name ?? "nothing";

    private static IEnumerable<ScriptBlock> BlocksIn(object? value, int depth) => depth > MaxDepth ? [] : Unwrap(value) switch
    {
        ScriptBlock block => [block],
        string => [],
        IDictionary table when IsOf(Tables, table.GetType()) || IsOfEngine(table) =>
            table.Values.Cast<object?>().Concat(table.Keys.Cast<object?>()).SelectMany(item => BlocksIn(item, depth + 1)),
        Array list => list.Cast<object?>().SelectMany(item => BlocksIn(item, depth + 1)),
        IEnumerable list when IsOf(Lists, list.GetType()) => list.Cast<object?>().SelectMany(item => BlocksIn(item, depth + 1)),
        PSCustomObject =>
            PSObject.AsPSObject(value!).Properties.OfType<PSNoteProperty>().SelectMany(note => BlocksIn(note.Value, depth + 1)),
        _ => [],
    };

    private static object? Unwrap(object? value) =>
        value is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : value is PSObject bag ? bag.BaseObject : value;

    private static bool TryCopy(object? value, int depth, out object? copy)
    {
        copy = null;
        if (value is null || depth > MaxDepth)
        {
            return value is null;
        }

        var wrapped = PSObject.AsPSObject(value);
        var plain = wrapped.BaseObject;
        if (plain is PSCustomObject)
        {
            return TryCopyBag(wrapped, depth, out copy);
        }

        // A string or a number can carry members of the author's, too.
        if (!IsElement(plain) && InstanceMembers.Of(value).Any())
        {
            return false;
        }

        var type = plain.GetType();
        if (type.IsPrimitive || type.IsEnum || Unchanging.Contains(type) || IsElement(plain) || plain is Type { Assembly.IsDynamic: false })
        {
            copy = plain;
            return true;
        }

        if (plain is ScriptBlock block)
        {
            // A closure is a module of its own, whose name tells it from others in this process.
            copy = new Copy(type, [block.ToString(), block.Module?.Name]);
            return true;
        }

        if (plain is IDictionary table && HasPlainComparer(plain) && (IsOf(Tables, type) || IsOfEngine(plain)))
        {
            return TryCopyAll(type, table.Cast<object>().SelectMany(Entry), depth, out copy);
        }

        return (plain is Array || (IsOf(Lists, type) && HasPlainComparer(plain)))
            && TryCopyAll(type, ((IEnumerable)plain).Cast<object?>(), depth, out copy);
    }

    private static IEnumerable<object?> Entry(object entry) => entry switch
    {
        DictionaryEntry pair => [pair.Key, pair.Value],
        // Of a generic table, seen through IEnumerable.
        _ => [entry.GetType().GetProperty("Key")!.GetValue(entry), entry.GetType().GetProperty("Value")!.GetValue(entry)],
    };

    private static bool TryCopyBag(PSObject bag, int depth, out object? copy)
    {
        copy = null;
        return bag.Members.All(static member => member is PSNoteProperty or PSMethod or PSMemberSet)
            && TryCopyAll(typeof(PSCustomObject), bag.Properties.SelectMany(static note => (IEnumerable<object?>)[note.Name, note.Value]),
                depth, out copy);
    }

    private static bool TryCopyAll(Type type, IEnumerable<object?> items, int depth, out object? copy)
    {
        var parts = new List<object?>();
        foreach (var item in items)
        {
            if (!TryCopy(item, depth + 1, out var part))
            {
                copy = null;
                return false;
            }

            parts.Add(part);
        }

        copy = new Copy(type, parts);
        return true;
    }

    private static bool IsElement(object value) => value is KumoiHost or KumoiVM;

    private static bool IsOf(HashSet<Type> kinds, Type type) => kinds.Contains(type.IsGenericType ? type.GetGenericTypeDefinition() : type);

    /// <summary>$PSBoundParameters and $PSDefaultParameterValues have types of their own.</summary>
    private static bool IsOfEngine(object value) => value.GetType().Assembly == typeof(PSObject).Assembly;

    /// <summary>A comparer of the author's would run whenever something is looked up.</summary>
    private static bool HasPlainComparer(object collection)
    {
        const System.Reflection.BindingFlags any =
            System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.NonPublic;
        var type = collection.GetType();
        var comparer = type.GetProperty("Comparer", any)?.GetValue(collection)
            ?? type.GetProperty("EqualityComparer", any)?.GetValue(collection)
            ?? type.GetField("_comparer", any)?.GetValue(collection);
        return comparer is null || comparer.GetType().Assembly == typeof(object).Assembly || IsOfEngine(comparer)
            || comparer.GetType().Assembly == typeof(ListDictionary).Assembly;
    }

    /// <summary>A collection, or a block, as it was.</summary>
    private sealed record Copy(Type Type, IReadOnlyList<object?> Parts);
}
