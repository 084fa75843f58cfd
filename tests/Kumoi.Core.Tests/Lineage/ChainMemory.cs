namespace Kumoi.Tests.Lineage;

/// <summary>What the oracle keeps of an operator.</summary>
internal sealed class ChainMemory
{
    public List<ChainElement> In { get; set; } = [];

    public List<ChainElement> Out { get; set; } = [];

    /// <summary>What had a place.</summary>
    public HashSet<ChainElement>? Settled { get; set; }

    public HashSet<ChainElement> CameOut { get; } = [];

    public HashSet<ChainElement> Skipped { get; } = [];

    /// <summary>How many fewer are skipped.</summary>
    public int Given { get; set; }
}
