namespace Kumoi.FailureOblivious;

/// <summary>
/// The masked failures of one scope. Safe for concurrent use; repeated failures of one host are counted, and listed once.
/// </summary>
public sealed class MaskLog
{
    private readonly Lock _gate = new();
    private readonly List<MaskedFailure> _failures = [];
    private readonly Dictionary<(string, string), int> _objects = [];
    private int _taken;

    /// <summary>In the order in which they first happened.</summary>
    public IReadOnlyList<MaskedFailure> Failures
    {
        get
        {
            lock (_gate)
            {
                return [.. _failures];
            }
        }
    }

    /// <summary>How many failures were masked, repeated ones included.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _failures.Sum(failure => failure.Count);
            }
        }
    }

    /// <summary>The failures that no earlier call of this has given. One that is repeated is given once.</summary>
    internal MaskLog TakeNew()
    {
        lock (_gate)
        {
            var taken = new MaskLog();
            taken._failures.AddRange(_failures.Skip(_taken));
            _taken = _failures.Count;
            return taken;
        }
    }

    /// <summary>Notes a failure of a member; <paramref name="host"/> is what repeated ones are counted by.</summary>
    public void Add(MaskedObjectFailure failure, string host)
    {
        lock (_gate)
        {
            if (_objects.TryGetValue((host, failure.Member), out var known))
            {
                _failures[known] = _failures[known] with { Count = _failures[known].Count + 1 };
                return;
            }

            _objects[(host, failure.Member)] = _failures.Count;
            _failures.Add(failure);
        }
    }

    public void Add(MaskedListFailure failure)
    {
        lock (_gate)
        {
            _failures.Add(failure);
        }
    }
}
