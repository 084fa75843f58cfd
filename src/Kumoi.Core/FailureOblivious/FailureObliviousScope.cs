namespace Kumoi.FailureOblivious;

/// <summary>
/// While one is entered, failing reads of hosts give typed defaults, failing writes do nothing, and both are noted in its log. It flows
/// with the asynchronous calls that are begun in it. Never masked: a write whose outcome is unknown, and cancellation.
/// </summary>
public sealed class FailureObliviousScope : IDisposable
{
    private static readonly AsyncLocal<FailureObliviousScope?> Flowing = new();

    private readonly FailureObliviousScope? _outer;

    private FailureObliviousScope(MaskMode mode, MaskLog log, bool failsElements, FailureObliviousScope? outer)
    {
        Mode = mode;
        Log = log;
        FailsElements = failsElements;
        _outer = outer;
    }

    /// <summary>Null: failures are failures. Costs one look at an async-local where nothing fails.</summary>
    internal static FailureObliviousScope? Current => Flowing.Value;

    public MaskMode Mode { get; }

    public MaskLog Log { get; }

    /// <summary>Within a list operation a failing read fails its element, which is then left out: it is not masked to a default.</summary>
    internal bool FailsElements { get; }

    public static FailureObliviousScope Enter(MaskMode mode = MaskMode.Pessimistic) => Push(new(mode, new MaskLog(), failsElements: false, Flowing.Value));

    public void Dispose() => Flowing.Value = _outer;

    /// <summary>For one element of a list operation.</summary>
    internal static FailureObliviousScope EnterElement() =>
        Push(new(Current?.Mode ?? MaskMode.Pessimistic, Current?.Log ?? new MaskLog(), failsElements: true, Flowing.Value));

    private static FailureObliviousScope Push(FailureObliviousScope scope)
    {
        Flowing.Value = scope;
        return scope;
    }
}
