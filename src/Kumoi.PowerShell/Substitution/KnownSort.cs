using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// A sort by properties, whose every place is known: sorted here with the engine's comparison, the elements came out just as Sort-Object
/// has put them, equal ones too. What it makes of them without those that have failed is then known without running it over thousands of
/// elements once more.
/// </summary>
internal sealed class KnownSort
{
    private readonly List<Entry> _entries;
    private readonly Comparison<Entry> _comparison;

    private KnownSort(List<Entry> entries, bool isDescending)
    {
        _entries = entries;
        _comparison = isDescending ? static (left, right) => -Compare(left, right) : Compare;
    }

    /// <summary>By how it is written: by properties, and nothing else that could make a difference.</summary>
    public static bool CanBeLearned(PipelineStep step) => NamesOf(step) is not null;

    /// <summary>Null: it does not do what is done here.</summary>
    public static KnownSort? Learn(PipelineStep sort, IReadOnlyList<object> feed, IReadOnlyList<object> sorted)
    {
        var names = NamesOf(sort)!;
        var entries = new List<Entry>(feed.Count);
        var readers = Array.ConvertAll(names, static name => new PropertyReader(name));
        foreach (var element in feed)
        {
            if (Entry.Of(element, readers) is not { } entry)
            {
                return null;
            }

            entries.Add(entry);
        }

        var known = new KnownSort(entries, sort.Arguments!.Names.Contains("Descending"));
        return known.Without(new HashSet<int>()).Select(Unwrapped).SequenceEqual(sorted.Select(Unwrapped)) ? known : null;
    }

    /// <summary>The elements without those that have failed, in the order in which Sort-Object would put them.</summary>
    public List<object> Without(IReadOnlySet<int> failed)
    {
        var left = _entries.FindAll(entry => !failed.Contains(LineageSource.OriginOf(entry.Element)!.Index));
        // Which of two equals comes first is settled by the algorithm: it is the one that Sort-Object uses.
        left.Sort(_comparison);
        return left.ConvertAll(static entry => entry.Element);
    }

    private static int Compare(Entry left, Entry right)
    {
        for (var i = 0; i < left.Keys.Length; i++)
        {
            if (Compare(left.Keys[i], right.Keys[i]) is not 0 and var order)
            {
                return order;
            }
        }

        return 0;
    }

    // Two numbers of one kind need none of the engine's conversions, which would be felt.
    private static int Compare(object? left, object? right) => left is double or int or long && left.GetType() == right?.GetType()
        ? ((IComparable)left).CompareTo(right)
        : LanguagePrimitives.Compare(left, right, ignoreCase: true, CultureInfo.CurrentCulture);

    private static string[]? NamesOf(PipelineStep step)
    {
        if (step is not { Kind: StepKind.Order, Arguments: { Values: [{ Name: null or "Property", Value: var keys }] } arguments }
            || !arguments.Names.IsSubsetOf(["Property", "Descending"]))
        {
            return null;
        }

        IEnumerable<Ast> all = keys is ArrayLiteralAst several ? several.Elements : [keys];
        var names = all.OfType<StringConstantExpressionAst>().Select(static key => key.Value).ToArray();
        return names.Length == all.Count() && !Array.Exists(names, WildcardPattern.ContainsWildcardCharacters) ? names : null;
    }

    private static object Unwrapped(object element) => element is PSObject wrapped ? wrapped.BaseObject : element;

    private sealed record Entry(object Element, object?[] Keys)
    {
        /// <summary>Null: not all of its keys can be read.</summary>
        public static Entry? Of(object element, PropertyReader[] readers)
        {
            var keys = new object?[readers.Length];
            for (var i = 0; i < readers.Length; i++)
            {
                if (!readers[i].TryRead(element, out keys[i]))
                {
                    return null;
                }
            }

            return new Entry(element, keys);
        }
    }
}
