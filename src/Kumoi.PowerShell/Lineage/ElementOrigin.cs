using Kumoi.Fleets.Journaling;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// The place of an object in a lineage: which element of which source it is or was made from, and what this run has done with
/// that element so far, oldest first.
/// </summary>
internal sealed record ElementOrigin(LineageSource Source, int Index, IReadOnlyList<DoneStep> Done)
{
    /// <summary>The pipeline that last worked on the element, for Get-KumoiLineage.</summary>
    public Kumoi.Lineage.LineageTrace? Trace { get; init; }

    /// <summary>What earlier cmdlets left open on the element, although they did not fail.</summary>
    public IReadOnlyList<OpenOutcomes> LeftOpen { get; init; } = [];

    /// <summary>The object is the element itself, and not something that was made from it.</summary>
    public bool IsElement { get; init; }

    /// <summary>The name of the element that the object is or was made from.</summary>
    public string Name => Source.NameOf(Index);
}
