namespace Kumoi.PowerShell.Lineage;

/// <summary>What a cmdlet of a pipeline did to an element, and how to undo it.</summary>
/// <param name="Cmdlet">The cmdlet's name, for those who are told of the undoing.</param>
/// <param name="UndoAsync">Undoes it.</param>
internal sealed record DoneStep(string Cmdlet, Func<Task> UndoAsync);
