namespace Kumoi.Lineage;

/// <summary>
/// Which elements the two sides of a divided list hold: all that came out of a side in its last evaluation. This is the one thing that
/// outlives an evaluation. Safe for concurrent use.
/// </summary>
internal sealed class Sides
{
    private readonly Lock _gate = new();
    private readonly HashSet<object> _left = [];
    private readonly HashSet<object> _right = [];

    public void Clear(bool left)
    {
        lock (_gate)
        {
            (left ? _left : _right).Clear();
        }
    }

    /// <summary>False: the other side holds it.</summary>
    public bool Take(bool left, object identity)
    {
        lock (_gate)
        {
            var (side, other) = left ? (_left, _right) : (_right, _left);
            if (other.Contains(identity))
            {
                return false;
            }

            side.Add(identity);
            return true;
        }
    }
}
