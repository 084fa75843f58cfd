namespace Kumoi.FaultTolerance.Pairs;

/// <summary>A host of a pair, as whoever keeps the pair connects to it.</summary>
/// <param name="Name">Its name in the session of the admin who protected the VM.</param>
/// <param name="Uri">Its URI, without secrets.</param>
public sealed record PairHost(string Name, string Uri)
{
    public override string ToString() => Name;
}
