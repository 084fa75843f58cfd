namespace Kumoi.Lineage;

/// <inheritdoc/>
internal sealed class LineageFunction<T, TOutcome> : LineageFunction
{
    private readonly Func<T, TOutcome>? _function;
    private readonly Func<T, CancellationToken, ValueTask<TOutcome>> _asynchronous;

    public LineageFunction(Func<T, TOutcome> function)
        : this((element, _) => ValueTask.FromResult(function(element))) => _function = function;

    public LineageFunction(Func<T, CancellationToken, ValueTask<TOutcome>> function) => _asynchronous = function;

    public override bool IsSynchronous => _function is not null;

    public override LineageValues NewOutcomes() => new LineageOutcomes<TOutcome>();

    public override async ValueTask RunAsync(LineageItem item, int depth, CancellationToken cancellationToken)
    {
        var memory = item.Memory;
        var progress = memory.ProgressOf(depth);
        progress.Begin(item);
        memory.Outcomes<TOutcome>(depth).Set(item, await _asynchronous(memory.ValuesAt<T>(depth).Of(item), cancellationToken));
        progress.End(item);
    }

    public override IReadOnlyList<Exception?> RunOnAll(
        IReadOnlyList<LineageItem> items, int depth, Func<LineageItem, Exception, bool> final, CancellationToken cancellationToken)
    {
        var memory = items[0].Memory;
        var (values, outcomes, progress) = (memory.ValuesAt<T>(depth), memory.Outcomes<TOutcome>(depth), memory.ProgressOf(depth));
        Exception?[]? failures = null;
        for (var i = 0; i < items.Count && !cancellationToken.IsCancellationRequested; i++)
        {
            var item = items[i];
            progress.Begin(item);
            try
            {
                outcomes.Set(item, _function!(values.Of(item)));
                progress.End(item);
            }
#pragma warning disable CA1031 // whatever the function throws is the failure of its element
            catch (Exception e)
#pragma warning restore CA1031
            {
                (failures ??= new Exception?[items.Count])[i] = e;
                if (final(item, e))
                {
                    break;
                }
            }
        }

        return failures ?? [];
    }
}
