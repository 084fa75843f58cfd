namespace Kumoi.PowerShell.Pumping;

/// <summary>What an action gave: its objects, and how to undo it if a later step of the same pipeline fails on the element.</summary>
internal sealed record ActionResult(IReadOnlyList<object> Output, Func<Task>? Undo = null)
{
    public static ActionResult None { get; } = new([]);
}
