namespace Kumoi.Lineage;

/// <inheritdoc/>
internal sealed class LineageFunction<T, TOutcome> : LineageFunction
{
    private readonly Func<T, TOutcome>? _function;
    private readonly Func<T, CancellationToken, ValueTask<TOutcome>>? _asynchronous;

    public LineageFunction(Func<T, TOutcome> function) => _function = function;

    public LineageFunction(Func<T, CancellationToken, ValueTask<TOutcome>> function) => _asynchronous = function;

    public override bool IsSynchronous => _function is not null;

    public override LineageValues NewOutcomes() => new LineageOutcomes<TOutcome>();

    public override void Run(LineageItem item, int depth)
    {
        var memory = item.Memory;
        memory.Begin(item, depth);
        memory.Outcomes<TOutcome>(depth).Set(item, _function!(memory.ValuesAt<T>(depth).Of(item)));
        memory.End(item, depth);
    }

    public override ValueTask RunAsync(LineageItem item, int depth, CancellationToken cancellationToken)
    {
        if (_asynchronous is null)
        {
            Run(item, depth);
            return ValueTask.CompletedTask;
        }

        return AwaitAsync(item, depth, cancellationToken);
    }

    private async ValueTask AwaitAsync(LineageItem item, int depth, CancellationToken cancellationToken)
    {
        var memory = item.Memory;
        memory.Begin(item, depth);
        memory.Outcomes<TOutcome>(depth).Set(item, await _asynchronous!(memory.ValuesAt<T>(depth).Of(item), cancellationToken));
        memory.End(item, depth);
    }
}
