namespace Kumoi.PowerShell.Actions;

/// <summary>What an action gave.</summary>
/// <param name="Output">Its objects.</param>
/// <param name="Undo">
/// How to undo it if a later step of the same pipeline fails on the element: on the host that is given, or, without one, where it was done.
/// </param>
internal sealed record ActionResult(IReadOnlyList<object> Output, Func<KumoiConnection?, Task>? Undo = null)
{
    public static ActionResult None { get; } = new([]);

    /// <summary>The host that the action has moved the VM to: what was done to it before is undone there.</summary>
    public KumoiConnection? MovedTo { get; init; }
}
