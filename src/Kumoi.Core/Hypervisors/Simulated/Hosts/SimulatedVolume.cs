namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>A volume that was made in a simulated storage pool.</summary>
/// <param name="Pool">The pool's name.</param>
/// <param name="Name">Its name there.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Format"><c>qcow2</c> or <c>raw</c>.</param>
/// <param name="Bytes">What a guest sees.</param>
internal sealed record SimulatedVolume(string Pool, string Name, string Path, string Format, long Bytes)
{
    /// <summary>The file that was uploaded, in the memory of this process; null: it is of zeros.</summary>
    public byte[]? Content { get; init; }
}
