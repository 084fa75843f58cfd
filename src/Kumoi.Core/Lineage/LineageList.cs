using Kumoi.FailureOblivious;

namespace Kumoi.Lineage;

/// <summary>
/// A lazy list that replaces elements which fail (paper 001). An operator only adds a node that links to the one above it; a terminal
/// operation evaluates the chain, and a list can be evaluated as often as wanted.
/// <para>
/// Let D be the elements that failed, and the candidates that were tried and turned down. The result is the ordinary chain over the list
/// without D, in the ordinary order. As many substitutes are taken as elements failed; where the extractions cannot keep that count,
/// <c>Skip</c> and <c>SkipLast</c> hold back fewer, the nearest first. Every operator is worked through on the whole list before the next.
/// </para>
/// <para>
/// A failure after which nothing is substituted (no extraction stands above, or <see cref="FaultRules"/> say so) ends the evaluation as it
/// is. Where nothing is left, <see cref="ReserveExhaustedException"/> ends it; where something could not be undone,
/// <see cref="Kumoi.Fleets.CompensationFailedException"/>.
/// </para>
/// <para>Synchronous functions run one after the other; asynchronous ones run concurrently, up to
/// <see cref="LineageOptions.MaxConcurrency"/>.</para>
/// </summary>
public partial class LineageList<T>
{
    private readonly LineageNode _node;

    internal LineageList(LineageNode node) => _node = node;

    internal LineageNode Node => _node;

    public LineageList<T> Where(Func<T, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return new(new WhereNode(_node, new LineageFunction<T, bool>(predicate)));
    }

    public LineageList<T> Where(Func<T, CancellationToken, ValueTask<bool>> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return new(new WhereNode(_node, new LineageFunction<T, bool>(predicate)));
    }

    public LineageList<TResult> Select<TResult>(Func<T, TResult> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        return new(new SelectNode<T>(_node, new LineageFunction<T, TResult>(function), undo: null));
    }

    /// <summary>What the function makes of each element.</summary>
    /// <param name="function">A reading or a conversion, or, with <paramref name="undo"/>, an action.</param>
    /// <param name="undo">
    /// Undoes what the function did to an element that fails, here or further down, or is turned down. The function may have done only a
    /// part, or nothing. A function with an undo is never run on an element twice.
    /// </param>
    public LineageList<TResult> Select<TResult>(
        Func<T, CancellationToken, ValueTask<TResult>> function, Func<T, CancellationToken, ValueTask>? undo = null)
    {
        ArgumentNullException.ThrowIfNull(function);
        return new(new SelectNode<T>(_node, new LineageFunction<T, TResult>(function), undo));
    }

    /// <summary>Elements of equal keys stay in the order in which they came.</summary>
    public OrderedLineageList<T> OrderBy<TKey>(Func<T, TKey> key, IComparer<TKey>? comparer = null) =>
        Order(key, comparer, descending: false);

    /// <inheritdoc cref="OrderBy{TKey}"/>
    public OrderedLineageList<T> OrderByDescending<TKey>(Func<T, TKey> key, IComparer<TKey>? comparer = null) =>
        Order(key, comparer, descending: true);

    public LineageList<T> Reverse() => new(new ReverseNode(_node));

    /// <summary>An extraction: its reserve is the rest.</summary>
    public LineageList<T> Take(int count) => new(new TakeNode(_node, AtLeastZero(count)));

    /// <summary>An extraction: its reserve is what comes before.</summary>
    public LineageList<T> TakeLast(int count) => new(new TakeLastNode(_node, AtLeastZero(count)));

    /// <summary>An extraction: its reserve is the elements skipped, from the boundary backwards, where no other has any left.</summary>
    public LineageList<T> Skip(int count) => new(new SkipNode(_node, AtLeastZero(count)));

    /// <summary>An extraction: its reserve is the elements skipped, from the boundary onwards, where no other has any left.</summary>
    public LineageList<T> SkipLast(int count) => new(new SkipLastNode(_node, AtLeastZero(count)));

    /// <summary>Evaluates the list as it is.</summary>
    public async Task<LineageResult<T>> EvaluateAsync(LineageOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new LineageOptions();
        var trace = new LineageTrace(options.TimeProvider);
        // A mask acts last: here a failing read fails its element, which is replaced, and is not masked to a default.
        using var elements = FailureObliviousScope.Current is null ? null : FailureObliviousScope.EnterElement();
        try
        {
            return new LineageResult<T>(
                await LineageRun.EvaluateAsync<T>(_node, new LineageContext(trace, options, cancellationToken)), trace);
        }
        finally
        {
            options.Traced?.Invoke(trace);
        }
    }

    /// <summary>Does something with each element. The result holds the elements on which it succeeded.</summary>
    public Task<LineageResult<T>> ForEachAsync(
        Action<T> action, LineageOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        var function = new LineageFunction<T, bool>(element =>
        {
            action(element);
            return true;
        });
        return new LineageList<T>(new ForEachNode<T>(_node, function, undo: null)).EvaluateAsync(options, cancellationToken);
    }

    /// <summary>
    /// Does something with each element. The result holds the elements on which it succeeded. <paramref name="undo"/> undoes what the
    /// action did to an element that failed: all, a part, or nothing.
    /// </summary>
    public Task<LineageResult<T>> ForEachAsync(
        Func<T, CancellationToken, ValueTask> action,
        Func<T, CancellationToken, ValueTask>? undo = null,
        LineageOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        var function = new LineageFunction<T, bool>(async (element, token) =>
        {
            await action(element, token);
            return true;
        });
        return new LineageList<T>(new ForEachNode<T>(_node, function, undo)).EvaluateAsync(options, cancellationToken);
    }

    /// <summary>
    /// Folds the elements in their order. The fold sees settled elements only: what it throws is thrown as it is.
    /// </summary>
    public async Task<TResult> AggregateAsync<TResult>(
        TResult seed, Func<TResult, T, TResult> fold, LineageOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(fold);
        return (await EvaluateAsync(options, cancellationToken)).Items.Aggregate(seed, fold);
    }

    public async Task<int> CountAsync(LineageOptions? options = null, CancellationToken cancellationToken = default) =>
        (await EvaluateAsync(options, cancellationToken)).Items.Count;

    public async Task<bool> AnyAsync(LineageOptions? options = null, CancellationToken cancellationToken = default) =>
        await CountAsync(options, cancellationToken) > 0;

    /// <summary>Asks all elements, whatever the first of them answer: an element that fails is replaced.</summary>
    public Task<bool> AnyAsync(Func<T, bool> predicate, LineageOptions? options = null, CancellationToken cancellationToken = default) =>
        Where(predicate).AnyAsync(options, cancellationToken);

    /// <inheritdoc cref="AnyAsync(Func{T, bool}, LineageOptions?, CancellationToken)"/>
    public async Task<bool> AllAsync(
        Func<T, bool> predicate, LineageOptions? options = null, CancellationToken cancellationToken = default) =>
        (await Select(predicate).EvaluateAsync(options, cancellationToken)).Items.All(outcome => outcome);

    /// <summary>The first element of the evaluated list: the operators above work on the whole of it.</summary>
    /// <exception cref="InvalidOperationException">The list is empty.</exception>
    public async Task<T> FirstAsync(LineageOptions? options = null, CancellationToken cancellationToken = default) =>
        (await EvaluateAsync(options, cancellationToken)).Items is [var first, ..]
            ? first
            : throw new InvalidOperationException("The lineage has no elements.");

    private OrderedLineageList<T> Order<TKey>(Func<T, TKey> key, IComparer<TKey>? comparer, bool descending)
    {
        ArgumentNullException.ThrowIfNull(key);
        return new OrderedLineageList<T>(new OrderByNode<TKey>(_node, new LineageFunction<T, TKey>(key), comparer, descending));
    }

    private static int AtLeastZero(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return count;
    }
}
