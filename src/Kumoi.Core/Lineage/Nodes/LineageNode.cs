namespace Kumoi.Lineage;

/// <summary>
/// One operator of a lineage, linked to the one above it. Immutable: what an evaluation remembers is in its <see cref="LineageMemory"/>.
/// An operator has up to two parts: a function that is run once on each element (<see cref="Function"/>), and the arrangement of the
/// elements by what is remembered (<see cref="Arrange"/>), which is made anew as often as needed.
/// </summary>
internal abstract class LineageNode(LineageNode? parent)
{
    public LineageNode? Parent => parent;

    /// <summary>0 for the source.</summary>
    public int Depth { get; } = parent is null ? 0 : parent.Depth + 1;

    /// <summary>The paper's name of the operator.</summary>
    public abstract string Name { get; }

    /// <summary>It leaves elements unused, which can take the place of failed ones.</summary>
    public virtual bool IsExtraction => false;

    /// <summary>What it runs on each element; null: nothing.</summary>
    public virtual LineageFunction? Function => null;

    public bool Works => Function is not null;

    /// <summary>The function's outcome is what the operators below see.</summary>
    public virtual bool Transforms => false;

    /// <summary>The function is asked again about a candidate that was read again.</summary>
    public virtual bool ChecksAgain => false;

    /// <summary>Its count of elements may differ from the one above, and the trace shows both.</summary>
    public virtual bool IsFilter => false;

    /// <summary>It is there for what its function does.</summary>
    public virtual bool IsAction => false;

    /// <summary>The operation has an inverse.</summary>
    public virtual bool CanUndo => false;

    /// <summary>Whether an element stays in, by its function's outcome.</summary>
    public virtual bool Passes(LineageItem item) => true;

    /// <summary>Undoes what the function did, wholly or in part.</summary>
    public virtual ValueTask UndoAsync(LineageItem item) => throw new NotSupportedException(Name);

    /// <summary>
    /// The arrangement asks a function of the author's, whose answer depends on the other elements. It is made by one thread, and an
    /// element on which the function fails comes as <see cref="FailedElementException"/>.
    /// </summary>
    public virtual bool Asks => false;

    /// <summary>
    /// What it leaves is not always a reserve, so a candidate from above that does not pass is turned down, as by a filter; below other
    /// extractions it is one of their reserve.
    /// </summary>
    public virtual bool IsConditional => NoCandidate is not null;

    /// <summary>Why what it left may hold no candidate, where a predicate decides.</summary>
    public virtual string? NoCandidate => null;

    /// <summary>An evaluation of the list begins.</summary>
    public virtual void Begin()
    {
    }

    /// <summary>The elements as they leave the operator.</summary>
    public virtual IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) => items;

    /// <summary>
    /// How many of so many elements it holds back that were meant to be left out (<c>Skip</c>). They are given up only where a count
    /// could not be kept otherwise: then it may hold fewer.
    /// </summary>
    public virtual int Held(int count, int mayHold) => 0;
}
