namespace Kumoi.PolicySimulation.Modes;

/// <summary>What the guest of a simulated pair does: the applications of paper 004.</summary>
public enum ModeWorkload
{
    /// <summary>As RUBiS, an auction with a database: the two guests hardly ever differ.</summary>
    Deterministic = 0,

    /// <summary>As BugZilla: times and unique numbers in its answers make them differ a few times a second, more or less often.</summary>
    NonDeterministic,

    /// <summary>As a video server with many threads: they differ all the time.</summary>
    Threaded,

    /// <summary>One of the others for a while, then another.</summary>
    Changing,
}
