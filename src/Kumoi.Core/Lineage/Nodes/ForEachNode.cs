namespace Kumoi.Lineage.Nodes;

/// <summary>The action at the end of a lineage.</summary>
internal sealed class ForEachNode<T>(
    LineageNode parent, Func<T, CancellationToken, ValueTask> action, Func<T, CancellationToken, ValueTask>? undo) : LineageNode(parent)
{
    public override string Name => "foreach";

    public override bool Works => true;

    public override bool IsAction => true;

    public override bool CanUndo => undo is not null;

    public override async ValueTask<object?> WorkAsync(object? value, CancellationToken cancellationToken)
    {
        await action((T)value!, cancellationToken);
        return null;
    }

    public override ValueTask UndoAsync(object? value) => undo!((T)value!, CancellationToken.None);
}
