using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>
/// How far COLO is with a pair, in a file beside its record: written before each step that cannot be seen afterwards.
/// </summary>
/// <param name="Backup">The host of the standby.</param>
/// <param name="Standby">Which standby it is.</param>
/// <param name="Attempt">Tells it from others of that number.</param>
internal sealed record ColoStep(string Backup, int Standby, string Attempt)
{
    /// <summary>The guests are stopped, or about to be, for a cut: whoever finds the primary standing may let it go on.</summary>
    public bool MayStand { get; init; }

    /// <summary>The checkpoint that has been asked for. Whether the standby has taken it is seen by what it does; null: none.</summary>
    public CheckpointMark? Asked { get; init; }

    /// <summary>It was seen that the standby has taken it. From then on what the standby does tells nothing.</summary>
    public bool IsTaken { get; init; }
}
