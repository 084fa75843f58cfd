namespace Kumoi.Fleets;

/// <summary>When an element whose outcome does not come is passed by those behind it.</summary>
/// <param name="Patience">How long an element may be silent; none: it is known to be silent.</param>
/// <param name="Time">The clock of waits.</param>
internal sealed record Passing<TElement>(Func<TElement, TimeSpan> Patience, TimeProvider Time)
{
    /// <summary>Stands for the time of a beginning that has not come.</summary>
    public const long NotBegun = long.MinValue;

    private static readonly TimeSpan ShortestLook = TimeSpan.FromMilliseconds(1);

    /// <summary>
    /// It is counted from the last outcome of any element, not from the element's own beginning: as long as others come, nobody is passed.
    /// </summary>
    public bool IsFromLast { get; init; }

    /// <summary>Whether the element is passed now.</summary>
    /// <param name="element">The one for which all wait.</param>
    /// <param name="begun">When its work began, by the clock.</param>
    /// <param name="last">When an outcome came last, or the whole began.</param>
    public bool IsDue(TElement element, long begun, long last) => begun != NotBegun && Left(element, begun, last) <= TimeSpan.Zero;

    /// <summary>How long to wait until it may be due. Of one whose work has not begun nobody knows.</summary>
    public TimeSpan LookAgain(TElement element, long begun, long last)
    {
        var left = begun == NotBegun ? Patience(element) : Left(element, begun, last);
        return left > ShortestLook ? left : ShortestLook;
    }

    private TimeSpan Left(TElement element, long begun, long last) =>
        Patience(element) - Time.GetElapsedTime(IsFromLast ? Math.Max(begun, last) : begun);
}
