using Kumoi.Hypervisors;

namespace Kumoi.Lineage;

/// <summary>The way into a lineage.</summary>
public static class LineageExtensions
{
    /// <summary>
    /// The elements as a list whose failed elements are replaced from the reserve of its extractions. Nothing is enumerated before a
    /// terminal operation; each one enumerates anew.
    /// </summary>
    /// <param name="source">Finite; in the order that counts.</param>
    /// <param name="refresh">
    /// Reads an element again. A candidate from a reserve is read again before it is used, and the filters above the extraction are asked
    /// again (and so are the functions of <c>Select</c> without an undo, which stand for readings); one that no longer matches is turned
    /// down. Null: elements do not change while the evaluation lasts. For elements that are themselves live, return the element.
    /// </param>
    /// <param name="domains">
    /// The failures that this lineage replaces elements after, see <see cref="FaultRules"/>. Null: by the type of the elements
    /// (hosts, VMs, or anything).
    /// </param>
    /// <param name="name">Names an element in traces; null: by its own name or text.</param>
    public static LineageList<T> AsLineage<T>(
        this IEnumerable<T> source,
        Func<T, CancellationToken, ValueTask<T>>? refresh = null,
        IReadOnlySet<FaultDomain>? domains = null,
        Func<T, string>? name = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new LineageList<T>(new SourceNode<T>(source, refresh, domains ?? FaultRules.Of(typeof(T)), name ?? NameOf));
    }

    private static string NameOf<T>(T element) => element switch
    {
        HostReading host => host.HostName,
        VMReading vm => vm.Name,
        _ => element?.ToString() ?? "",
    };
}
