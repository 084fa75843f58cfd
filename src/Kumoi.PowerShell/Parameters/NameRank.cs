namespace Kumoi.PowerShell.Parameters;

/// <summary>How well a name is what was given: of several, only the best count.</summary>
internal enum NameRank
{
    None = 0,
    Pattern,
    IgnoringCase,
    Exact,
}
