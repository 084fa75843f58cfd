namespace Kumoi.Lineage;

/// <summary>A side of a pair that <c>Zip</c> made.</summary>
public enum PairSide
{
    Left = 0,
    Right,
}
