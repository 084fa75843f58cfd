namespace Kumoi.Tests.Lineage;

/// <summary>What the oracle keeps of two chains that come together.</summary>
internal sealed class JoinMemory
{
    public List<ChainElement> Lefts { get; set; } = [];

    public List<ChainElement> Rights { get; set; } = [];

    public (int Left, int Right)? Wanted { get; set; }

    public List<ChainElement> Pairs { get; } = [];

    public List<ChainElement> Out { get; set; } = [];

    public HashSet<ChainElement>? Settled { get; set; }
}
