namespace Kumoi.Lineage.Nodes;

/// <summary>Remembers each element's outcome. With an undo it is an action, which is never run on an element twice.</summary>
internal sealed class SelectNode<T, TResult>(
    LineageNode parent, Func<T, CancellationToken, ValueTask<TResult>> function, Func<T, CancellationToken, ValueTask>? undo) : LineageNode(parent)
{
    public override string Name => "map";

    public override bool Works => true;

    public override bool Transforms => true;

    public override bool ChecksAgain => undo is null;

    public override bool CanUndo => undo is not null;

    public override async ValueTask<object?> WorkAsync(object? value, CancellationToken cancellationToken) =>
        await function((T)value!, cancellationToken);

    // The undoing of what failed or was cancelled must not be cancelled with it.
    public override ValueTask UndoAsync(object? value) => undo!((T)value!, CancellationToken.None);
}
