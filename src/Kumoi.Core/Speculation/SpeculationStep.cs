namespace Kumoi.Speculation;

/// <summary>
/// How far an operation on several targets is, as the journal has it: each is written, and on the disk, before what it names is done.
/// </summary>
internal enum SpeculationStep
{
    /// <summary>Of a kind that this version does not know.</summary>
    Other = 0,

    /// <summary>The starting step goes to this target: from now on it may run there, and nowhere else until it is proven absent.</summary>
    Finishing,

    /// <summary>This target was seen to have no copy: the starting step did not take effect there, and cannot any more.</summary>
    Absent,

    /// <summary>It was seen to run on this target: the source's copy and the losers' are leftovers.</summary>
    Moved,

    /// <summary>What each target said about its host. Nothing is done after it, and nothing follows from it.</summary>
    Ended,
}
