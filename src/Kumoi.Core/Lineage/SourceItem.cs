using Kumoi.Hypervisors;
using Kumoi.Lineage.Nodes;

namespace Kumoi.Lineage;

/// <summary>One element of a source.</summary>
internal sealed class SourceItem(object? element, ulong position, Lazy<object[]> identities, SourceNode source, IReadOnlyList<LineageNode> nodes)
    : LineageItem(nodes)
{
    /// <summary>The element as last read.</summary>
    public object? Element { get; set; } = element;

    public override object? Source => Element;

    public override ulong Position => position;

    public override object Identity => identities.Value[(int)position];

    public override string Name => source.NameOf(Element);

    public override IEnumerable<LineageItem> Elements => [this];

    /// <summary>The elements of a source.</summary>
    public static List<LineageItem> From(SourceNode source, IReadOnlyList<LineageNode> nodes)
    {
        object?[] elements = [.. source.Elements];
        var identities = new Lazy<object[]>(() => Identify(elements));
        return [.. elements.Select((element, i) => new SourceItem(element, (ulong)i, identities, source, nodes))];
    }

    private static object[] Identify(object?[] elements)
    {
        Dictionary<object, int> seen = [];
        return [.. elements.Select(Identity)];

        object Identity(object? element)
        {
            // Two readings of one host or VM are never equal.
            var what = element switch
            {
                HostReading host => host.HostName,
                VMReading vm => vm.Id,
                null => "",
                _ => element,
            };
            var nth = seen.GetValueOrDefault(what);
            seen[what] = nth + 1;
            return (what, nth);
        }
    }
}
