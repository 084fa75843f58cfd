using Kumoi.Hypervisors;

namespace Kumoi.Lineage;

/// <summary>The elements of a source, as they were enumerated and as they were last read.</summary>
internal sealed class SourceElements<T>(T[] elements, Func<T, CancellationToken, ValueTask<T>>? refresh, Func<T, string> name)
    : LineageValues<T>, ISourceElements
{
    private readonly Lock _gate = new();
    private readonly T[] _enumerated = elements;
    // Few chains ask for them.
    private readonly Lazy<object[]> _identities = new(() => Identify(elements));
    private T[] _current = elements;

    public int Count => _enumerated.Length;

    public override T Of(LineageItem item) => _current[item.Index];

    public object? ElementOf(LineageItem item) => Of(item);

    public string NameOf(LineageItem item) => name(Of(item));

    public object IdentityOf(LineageItem item) => _identities.Value[item.Index];

    public async ValueTask RefreshAsync(LineageItem item, CancellationToken cancellationToken)
    {
        var read = await refresh!(Of(item), cancellationToken);
        // Several are read again at once. What an element is goes by what was enumerated.
        lock (_gate)
        {
            if (ReferenceEquals(_current, _enumerated))
            {
                _current = [.. _enumerated];
            }

            _current[item.Index] = read;
        }
    }

    private static object[] Identify(T[] elements)
    {
        Dictionary<object, int> seen = [];
        return [.. elements.Select(element => Identity(element))];

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
