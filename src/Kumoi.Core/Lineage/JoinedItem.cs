namespace Kumoi.Lineage;

/// <summary>An element of two joined chains: one of either, or one of each. It is out as soon as one of its parts is.</summary>
internal abstract class JoinedItem(IReadOnlyList<LineageItem> parts, LineageMemory memory) : LineageItem(memory)
{
    public IReadOnlyList<LineageItem> Parts => parts;

    public override bool IsOut => parts.Any(part => part.IsOut);

    public override IEnumerable<LineageItem> Elements => parts.SelectMany(part => part.Elements);
}
