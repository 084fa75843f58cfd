namespace Kumoi.Tests.Lineage;

/// <summary>One operator of a <see cref="Chain"/>; its id is its own in the whole case.</summary>
internal sealed record ChainLink(int Id, Op Op, int N)
{
    public bool Works =>
        Op is Op.Where or Op.Select or Op.OrderBy or Op.OrderByDescending or Op.ThenBy or Op.Matching or Op.Others or Op.TakeWhile
            or Op.SkipWhile or Op.TakeByScore;

    public bool IsSort => Op is Op.OrderBy or Op.OrderByDescending or Op.ThenBy;

    public bool IsExtraction => Op >= Op.TakeWhile;

    /// <summary>A candidate that was read again must still pass it.</summary>
    public bool IsFilter => Op is Op.Where or Op.Matching or Op.Others or Op.TakeWhile;

    /// <summary>What does not pass it is not its reserve.</summary>
    public bool IsConditional => Op is Op.TakeWhile or Op.SkipWhile or Op.AccumulateWhile or Op.LeftOf;

    public override string ToString() => $"{Id}:{Op} {N}";
}
