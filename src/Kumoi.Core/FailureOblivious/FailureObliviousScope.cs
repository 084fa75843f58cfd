using Kumoi.Fleets;

namespace Kumoi.FailureOblivious;

/// <summary>
/// While one is entered, failing reads of hosts give typed defaults, failing writes do nothing, and both are noted in its log. It flows
/// with the asynchronous calls that are begun in it. Leaving it tells the fleet's journal each failure as an event, so what was begun in
/// it should have ended by then. A <see cref="Lineage.LineageList{T}"/> replaces elements that fail in it; what nothing replaces ends its
/// evaluation. Never masked: a write whose outcome is unknown, the undoing of a definition, and cancellation.
/// </summary>
public sealed class FailureObliviousScope : IDisposable
{
    private static readonly AsyncLocal<FailureObliviousScope?> Flowing = new();

    private readonly FailureObliviousScope? _outer;
    private Fleet? _fleet;

    private FailureObliviousScope(Fleet? fleet, MaskMode mode, MaskLog log, bool failsElements)
    {
        _fleet = fleet;
        Mode = mode;
        Log = log;
        FailsElements = failsElements;
        _outer = Flowing.Value;
        Flowing.Value = this;
    }

    /// <summary>Null: failures are failures. Costs one look at an async-local where nothing fails.</summary>
    internal static FailureObliviousScope? Current => Flowing.Value;

    public MaskMode Mode { get; }

    public MaskLog Log { get; }

    /// <summary>Within a list operation a failing read fails its element, which is then left out: it is not masked to a default.</summary>
    internal bool FailsElements { get; }

    /// <summary>Masks failures until it is disposed.</summary>
    /// <param name="fleet">Whose journal is told what was masked.</param>
    /// <param name="mode">What stands in for a reading that failed.</param>
    public static FailureObliviousScope Enter(Fleet fleet, MaskMode mode = MaskMode.Pessimistic) =>
        new(fleet, mode, new MaskLog(), failsElements: false);

    public void Dispose()
    {
        Flowing.Value = _outer;
        Interlocked.Exchange(ref _fleet, null)?.Tell(Log);
    }

    /// <summary>For one element of a list operation, which tells its failures itself.</summary>
    internal static FailureObliviousScope EnterElement() =>
        new(fleet: null, Current?.Mode ?? MaskMode.Pessimistic, Current?.Log ?? new MaskLog(), failsElements: true);
}
