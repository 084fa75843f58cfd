namespace Kumoi.Lineage;

/// <summary>Remembers each element's outcome. With an undo it is an action, which is never run on an element twice.</summary>
internal sealed class SelectNode<T>(
    LineageNode parent, LineageFunction function, Func<T, CancellationToken, ValueTask>? undo) : LineageNode(parent)
{
    public override string Name => "map";

    public override LineageFunction Function { get; } = function;

    public override bool Transforms => true;

    public override bool ChecksAgain => undo is null;

    public override bool CanUndo => undo is not null;

    // The undoing of what failed or was cancelled must not be cancelled with it.
    public override ValueTask UndoAsync(LineageItem item) => undo!(item.ValueAt<T>(Depth), CancellationToken.None);
}
