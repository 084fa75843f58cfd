namespace Kumoi.Lineage;

/// <summary>The action at the end of a lineage.</summary>
internal sealed class ForEachNode<T>(
    LineageNode parent, LineageFunction function, Func<T, CancellationToken, ValueTask>? undo) : LineageNode(parent)
{
    public override string Name => "foreach";

    public override LineageFunction Function { get; } = function;

    public override bool IsAction => true;

    public override bool CanUndo => undo is not null;

    public override ValueTask UndoAsync(LineageItem item) => undo!(item.ValueAt<T>(Depth), CancellationToken.None);
}
