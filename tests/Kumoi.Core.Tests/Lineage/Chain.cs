namespace Kumoi.Tests.Lineage;

/// <summary>A source of so many numbers, or two chains that are zipped or concatenated; and the operators below it.</summary>
internal sealed record Chain(int First, int Count, Chain? Left, Chain? Right, bool IsZip, IReadOnlyList<ChainLink> Links)
{
    public IEnumerable<Chain> All => Left is null ? [this] : [.. Left.All, .. Right!.All, this];

    /// <summary>Each number of a source is its own in the whole case.</summary>
    public bool Has(int number) => Left is null ? number >= First && number < First + Count : Left.Has(number) || Right!.Has(number);

    /// <summary>The same with a change to one of its chains, or the smaller part of a join.</summary>
    public IEnumerable<Chain> Smaller()
    {
        for (var i = 0; i < Links.Count; i++)
        {
            var at = i;
            yield return this with { Links = [.. Links.Where((_, j) => j != at)] };
        }

        if (Left is null)
        {
            if (Count > 0)
            {
                yield return this with { Count = Count - 1 };
            }

            yield break;
        }

        yield return Left with { Links = [.. Left.Links, .. Links] };
        yield return Right! with { Links = [.. Right.Links, .. Links] };
        foreach (var left in Left.Smaller())
        {
            yield return this with { Left = left };
        }

        foreach (var right in Right.Smaller())
        {
            yield return this with { Right = right };
        }
    }

    public override string ToString() => string.Join(
        " | ",
        [Left is null
            ? $"{First}..{First + Count - 1}" : $"({Left}) {(IsZip ? "zip" : "++")} ({Right})", .. Links.Select(link => link.ToString())]);
}
