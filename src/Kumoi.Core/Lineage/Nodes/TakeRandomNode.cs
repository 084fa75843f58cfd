namespace Kumoi.Lineage;

/// <summary>
/// The paper's takeByRandom (001, section 4.1). Each element has a number drawn from the seed and its position in the source; the lowest
/// ones are taken, in the order of the list, and the reserve is the next lowest: further draws without replacement. An element that is
/// out changes no other's draw.
/// </summary>
internal sealed class TakeRandomNode(LineageNode parent, int count, int seed) : LineageNode(parent)
{
    public override string Name => "takeByRandom";

    public override bool IsExtraction => true;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        state.Choose(count, items, items.OrderBy(item => Draw(seed, item.Position)));

    // SplitMix64: neighbouring positions and seeds give unrelated draws.
    internal static ulong Draw(int seed, ulong position)
    {
        unchecked
        {
            return Mix(Mix((uint)seed) + position);
        }
    }

    private static ulong Mix(ulong x)
    {
        unchecked
        {
            x += 0x9e3779b97f4a7c15;
            x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
            x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
            return x ^ (x >> 31);
        }
    }
}
