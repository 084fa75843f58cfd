namespace Kumoi.PowerShell.Parameters;

/// <summary>Names among others, as parameters take them.</summary>
internal static class Names
{
    /// <summary>
    /// For names that come one by one, whatever else there is: all that are one of those given, or like one. Null or empty: everything
    /// matches.
    /// </summary>
    public static Func<string, bool> Matcher(IReadOnlyList<NameText>? given) =>
        given is null || given.Count == 0 ? static _ => true : name => given.Any(one => one.Rank(name) is not NameRank.None);

    /// <inheritdoc cref="Matcher(IReadOnlyList{NameText})"/>
    public static Func<string, bool> Matcher(IReadOnlyList<string>? given) => Matcher(given?.Select(text => new NameText(text)).ToList());

    /// <summary>
    /// Those that the names stand for, in the elements' order, each once; without names all. Of each name only the best matches count.
    /// </summary>
    public static IReadOnlyList<T> Choose<T>(IReadOnlyList<T> elements, Func<T, string> nameOf, IReadOnlyList<NameText> given)
        where T : class
    {
        if (given.Count == 0)
        {
            return elements;
        }

        var index = new NameIndex<T>(elements, nameOf);
        var chosen = given.SelectMany(name => NameIndex<T>.Find(name, [index]).Found).ToHashSet(ReferenceEqualityComparer.Instance);
        return [.. elements.Where(chosen.Contains)];
    }

    public static IReadOnlyList<NameText> Typed(IEnumerable<string> texts) => [.. texts.Select(text => new NameText(text))];
}
