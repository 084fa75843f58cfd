using System.Management.Automation;

namespace Kumoi.PowerShell.Lineage;

/// <summary>Where elements of a lineage come from, and how to get at more of them. An element is known by its index here.</summary>
internal abstract class LineageSource
{
    private static readonly IReadOnlyList<DoneStep> NothingDone = [];

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

    public string NameOf(int index) => index < _elements.Count ? _elements[index].ToString()! : "(an element of an earlier pipeline)";

    /// <summary>
    /// The same element, read now; null if it is gone, or is no longer what the source asked for. Fails if it cannot be read.
    /// </summary>
    public async Task<object?> ReadAgainAsync(int index, CancellationToken cancellationToken)
    {
        object? now = _elements[index] switch
        {
            KumoiHost host => await Fleets.FleetReads.ReadHostAsync(host.Connection, cancellationToken),
            KumoiVM vm => await Fleets.FleetReads.ReadVMAsync(vm, cancellationToken),
            _ => null,
        };
        return now is not null && IsWanted(now) ? Place(now, index) : null;
    }

    /// <summary>Whether the source would give this reading at all.</summary>
    protected virtual bool IsWanted(object element) => true;

    /// <summary>Lets go of the elements: nobody can be replaced any more, and who keeps one of them must not keep all.</summary>
    protected void Release() => _elements.Clear();

    public static ElementOrigin? OriginOf(object? element) => element switch
    {
        KumoiHost host => OriginOf(host.Origin, host.OriginIndex),
        KumoiVM vm => OriginOf(vm.Origin, vm.OriginIndex),
        KumoiTemplate template => OriginOf(template.VM),
        PSObject { BaseObject: var wrapped } => OriginOf(wrapped),
        _ => null,
    };

    // An element that was only read holds its source and index: with ten thousand hosts an object for each of them would be felt.
    private static ElementOrigin? OriginOf(object? origin, int index) =>
        origin is LineageSource source ? new ElementOrigin(source, index, NothingDone) { IsElement = true } : origin as ElementOrigin;

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
