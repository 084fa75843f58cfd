namespace Kumoi.PowerShell.Parameters;

/// <summary>Elements by their names, for many names to be found among them.</summary>
internal sealed class NameIndex<T>(IReadOnlyList<T> elements, Func<T, string> nameOf)
{
    private readonly Lazy<ILookup<string, T>> _exact = new(() => elements.ToLookup(nameOf, StringComparer.Ordinal));
    private readonly Lazy<ILookup<string, T>> _ignoringCase = new(() => elements.ToLookup(nameOf, StringComparer.OrdinalIgnoreCase));

    public IReadOnlyList<T> Elements => elements;

    /// <summary>What the name stands for among all of these, and how well that is what was given.</summary>
    public static (NameRank Rank, IReadOnlyList<T> Found) Find(NameText name, IReadOnlyList<NameIndex<T>> indexes)
    {
        foreach (var rank in (ReadOnlySpan<NameRank>)[NameRank.Exact, NameRank.IgnoringCase, NameRank.Pattern])
        {
            List<T> found = [.. indexes.SelectMany(index => index.Find(name, rank))];
            if (found.Count > 0)
            {
                return (rank, found);
            }
        }

        return (NameRank.None, []);
    }

    private IEnumerable<T> Find(NameText name, NameRank rank) => rank switch
    {
        NameRank.Exact => Find(_exact.Value, name),
        NameRank.IgnoringCase => Find(_ignoringCase.Value, name),
        _ when name.IsPattern => elements.Where(element => name.Rank(nameOf(element)) is NameRank.Pattern),
        _ => [],
    };

    private static IEnumerable<T> Find(ILookup<string, T> lookup, NameText name) =>
        lookup[name.Text] is var found && name.Literal != name.Text ? found.Concat(lookup[name.Literal]) : found;
}
