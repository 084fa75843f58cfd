namespace Kumoi.Tests.Lineage;

internal enum Op
{
    Where = 0,
    Select,
    OrderBy,
    OrderByDescending,

    /// <summary>ThenBy where it follows a sort, else OrderBy.</summary>
    ThenBy,
    Reverse,
    Matching,
    Others,
    RightOf,
    TakeWhile,
    SkipWhile,
    AccumulateWhile,
    Take,
    Skip,
    TakeLast,
    SkipLast,
    TakeRandom,
    TakeByScore,
    LeftOf,
}
