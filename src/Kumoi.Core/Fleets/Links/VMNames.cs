using System.Collections.Concurrent;
using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>The names of one host's VMs, as far as readings of late have told them. Remembering costs a bulk read nothing.</summary>
internal sealed class VMNames
{
    private const int MaxSingle = 256;

    private readonly ConcurrentDictionary<Guid, string> _single = new();
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

        if (_single.Count >= MaxSingle)
        {
            _single.Clear();
        }

        _single[reading.Id] = reading.Name;
    }

    /// <summary>Null: not known.</summary>
    public string? Find(Guid id) =>
        _single.GetValueOrDefault(id) ?? Volatile.Read(ref _bulk).FirstOrDefault(vm => vm.Id == id)?.Name;
}
