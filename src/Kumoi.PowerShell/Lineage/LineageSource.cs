namespace Kumoi.PowerShell.Lineage;

/// <summary>Where elements of a lineage come from, and how to get at more of them. An element is known by its index here.</summary>
internal abstract class LineageSource
{
    private static readonly IReadOnlyList<Func<Task>> NothingDone = [];

    private readonly List<object> _elements = [];

    /// <summary>All elements known so far, in the order in which they were enumerated.</summary>
    public IReadOnlyList<object> Elements => _elements;

    /// <summary>Adds an element that others may have already: returns a copy that knows its place in this lineage.</summary>
    public object AddCopy(object element) => Add(element switch
    {
        KumoiHost host => host.WithOrigin(null),
        KumoiVM vm => vm.WithOrigin(null),
        _ => element,
    });

    /// <summary>Adds an element that was just read and that nobody else has: it is told its place in this lineage.</summary>
    public object Add(object element)
    {
        Place(element, _elements.Count);
        _elements.Add(element);
        return element;
    }

    /// <summary>The same element, read now; null if it is gone. Fails if it cannot be read.</summary>
    public async Task<object?> ReadAgainAsync(int index, CancellationToken cancellationToken) => _elements[index] switch
    {
        KumoiHost host => Place(await Fleets.FleetReads.ReadHostAsync(host.Connection, cancellationToken), index),
        KumoiVM vm => await Fleets.FleetReads.ReadVMAsync(vm, cancellationToken) is { } now ? Place(now, index) : null,
        _ => null,
    };

    public static LineageOrigin? OriginOf(object? element) => element switch
    {
        KumoiHost host => OriginOf(host.Origin, host.OriginIndex),
        KumoiVM vm => OriginOf(vm.Origin, vm.OriginIndex),
        _ => null,
    };

    // An element that was only read holds its source and index: with ten thousand hosts an object for each of them would be felt.
    private static LineageOrigin? OriginOf(object? origin, int index) =>
        origin is LineageSource source ? new LineageOrigin(source, index, NothingDone) : origin as LineageOrigin;

    private object Place(object element, int index)
    {
        switch (element)
        {
            case KumoiHost host:
                (host.Origin, host.OriginIndex) = (this, index);
                break;
            case KumoiVM vm:
                (vm.Origin, vm.OriginIndex) = (this, index);
                break;
        }

        return element;
    }
}
