using System.Security.Cryptography;

namespace Kumoi.Lineage;

/// <summary>Operators that choose by a condition, a draw or a score, and that divide.</summary>
public partial class LineageList<T>
{
    /// <summary>
    /// An extraction without a reserve: the predicate is asked once about each element, and the element at which it stopped stays where it
    /// is. After a failure below an extraction further up gives the substitute, or it ends the evaluation; the trace says so.
    /// </summary>
    public LineageList<T> TakeWhile(Func<T, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return new(new TakeWhileNode(_node, new LineageFunction<T, bool>(predicate)));
    }

    /// <summary>An extraction without a reserve, as <see cref="TakeWhile"/>. What was skipped stays skipped.</summary>
    public LineageList<T> SkipWhile(Func<T, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return new(new SkipWhileNode(_node, new LineageFunction<T, bool>(predicate)));
    }

    /// <summary>
    /// The longest prefix in which the predicate holds for each element and those before it. An extraction: its reserve is the rest. A
    /// candidate must satisfy the predicate against all that is then taken; the first that does not ends the search. Where a large element
    /// made room, several may come.
    /// </summary>
    /// <param name="predicate">
    /// What is taken, which must not be kept, and the element. Elements are asked about one after the other.
    /// </param>
    public LineageList<T> AccumulateWhile(Func<IReadOnlyList<T>, T, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return new(new AccumulateWhileNode<T>(_node, predicate));
    }

    /// <summary>
    /// So many elements drawn at random, in the order of the list. An extraction: its reserve is further draws. All evaluations of the list
    /// draw the same from the same source, by the seed; null: one that is drawn now.
    /// </summary>
    public LineageList<T> TakeRandom(int count, int? seed = null) =>
        new(new TakeRandomNode(_node, AtLeastZero(count), seed ?? RandomNumberGenerator.GetInt32(int.MaxValue)));

    /// <summary>
    /// So many elements of the highest scores, in the order of the list; of equal scores the first. An extraction: its reserve is the rest,
    /// the highest score first. NaN is the lowest score.
    /// </summary>
    public LineageList<T> TakeByScore(int count, Func<T, double> score)
    {
        ArgumentNullException.ThrowIfNull(score);
        return new(new TakeByScoreNode(_node, AtLeastZero(count), new LineageFunction<T, double>(score)));
    }

    /// <summary>
    /// The elements for which the predicate holds, and the others. Each list is evaluated by itself, and does not take what came out of the
    /// other one when that was last evaluated, whatever the predicate says by then. No extraction.
    /// </summary>
    public (LineageList<T> Matching, LineageList<T> Others) Partition(Func<T, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        var (sides, function) = (new Sides(), new LineageFunction<T, bool>(predicate));
        return (new(new PartitionNode(_node, function, sides, left: true)), new(new PartitionNode(_node, function, sides, left: false)));
    }

    /// <summary>
    /// The first elements, and the rest. Each list is evaluated by itself, and does not take what came out of the other one when that was
    /// last evaluated. The first list is an extraction whose reserve is what the other does not hold; the rest is none.
    /// </summary>
    public (LineageList<T> First, LineageList<T> Others) SplitAt(int count)
    {
        var sides = new Sides();
        return (new(new SplitLeftNode(_node, AtLeastZero(count), sides)), new(new SplitRightNode(_node, count, sides)));
    }

    /// <summary>
    /// The elements of this list, then those of the other one. Both are evaluated anew for it; an element that fails is replaced on its
    /// own side.
    /// </summary>
    public LineageList<T> Concat(LineageList<T> other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new(new ConcatNode<T>(_node, other._node));
    }

    /// <summary>
    /// Pairs of the elements of this list and the other one, in the order of this one, as many as the shorter has. Both are evaluated anew
    /// for it. A pair that fails is replaced on the side that the failure names (<see cref="PairFailureException"/>); where it names none,
    /// on each side that its fault domain concerns. A pair stays while both its elements do; the partner of a failed element is paired with
    /// what takes its place.
    /// </summary>
    public LineageList<(T Left, TOther Right)> Zip<TOther>(LineageList<TOther> other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new(new ZipNode<T, TOther>(_node, other.Node));
    }
}
