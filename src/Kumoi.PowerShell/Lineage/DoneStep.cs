namespace Kumoi.PowerShell.Lineage;

/// <summary>What a cmdlet of a pipeline did to an element, and how to undo it.</summary>
/// <param name="Cmdlet">The cmdlet's name, for reports of the undoing.</param>
/// <param name="Undo">
/// Undoes it on the host that is given, or, without one, where it was done. Finding nothing to undo is a failure.
/// </param>
internal sealed record DoneStep(string Cmdlet, Func<KumoiConnection?, Task> Undo)
{
    /// <summary>Where a later cmdlet has moved it.</summary>
    public KumoiConnection? MovedTo { get; init; }

    public Task UndoAsync() => Undo(MovedTo);
}
