using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>The names of one host's VMs, as far as readings of late have told them. Remembering costs a bulk read nothing.</summary>
internal sealed class VMNames
{
    private const int MaxSingle = 256;

    // Few enough to look through. Of a dictionary by ids the code would have to be compiled for each host's first opening to wait for.
    private readonly List<Known> _single = [];
    private IReadOnlyList<VMReading> _bulk = [];

    public void Remember(IReadOnlyList<VMReading>? readings)
    {
        if (readings is not null)
        {
            Volatile.Write(ref _bulk, readings);
        }
    }

    public void Remember(VMReading? reading)
    {
        if (reading is null)
        {
            return;
        }

        lock (_single)
        {
            var at = _single.FindIndex(known => known.Id == reading.Id);
            if (at >= 0)
            {
                _single.RemoveAt(at);
            }
            else if (_single.Count == MaxSingle)
            {
                _single.RemoveAt(0);
            }

            _single.Add(new Known(reading.Id, reading.Name));
        }
    }

    /// <summary>Null: not known.</summary>
    public string? Find(Guid id)
    {
        lock (_single)
        {
            if (_single.Find(known => known.Id == id) is { } known)
            {
                return known.Name;
            }
        }

        return Volatile.Read(ref _bulk).FirstOrDefault(vm => vm.Id == id)?.Name;
    }

    private sealed record Known(Guid Id, string Name);
}
