namespace Kumoi.Speculation.Reliability;

/// <summary>The last durations of an operation, for their percentiles. Adding one costs a move within a short array.</summary>
public sealed class DurationWindow
{
    /// <summary>A percentile of fewer durations than this is too uncertain to act on.</summary>
    public const int Enough = 20;

    private const int Capacity = 512;

    /// <summary>In the order in which they came, and sorted.</summary>
    private readonly double[] _inOrder = new double[Capacity];
    private readonly double[] _sorted = new double[Capacity];
    private int _count;
    private int _oldest;

    /// <summary>How many durations it holds, with those of which only the beginning was seen.</summary>
    public int Count => _count;

    /// <summary>Adds the duration of an operation that succeeded; the oldest goes when the window is full.</summary>
    /// <param name="duration">In seconds, or, where operations differ in size, in seconds for each unit of it.</param>
    public void Add(double duration)
    {
        if (_count == Capacity)
        {
            var gone = Array.BinarySearch(_sorted, 0, _count, _inOrder[_oldest]);
            Array.Copy(_sorted, gone + 1, _sorted, gone, --_count - gone);
        }

        _inOrder[_oldest] = duration;
        _oldest = (_oldest + 1) % Capacity;
        var place = Array.BinarySearch(_sorted, 0, _count, duration);
        place = place < 0 ? ~place : place;
        Array.Copy(_sorted, place, _sorted, place + 1, _count++ - place);
        _sorted[place] = duration;
    }

    /// <summary>
    /// Adds an operation that was given up, or lost a race, because it took too long: it would have taken longer than the percentile. Left
    /// out, each such operation would lower the percentile, and more of the next ones would be given up.
    /// </summary>
    public void AddUnfinished() => Add(double.PositiveInfinity);

    /// <summary>The duration that this share of the durations, 0 to 100, do not exceed; null before <see cref="Enough"/> were seen.
    /// Infinite if that many were never finished.</summary>
    public double? Percentile(double percentile) =>
        _count < Enough ? null : _sorted[Math.Clamp((int)Math.Ceiling(percentile / 100 * _count) - 1, 0, _count - 1)];
}
