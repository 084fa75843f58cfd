namespace Kumoi.PolicySimulation.Modes;

/// <summary>
/// What a guest does, per second that it runs. The paper gives no such numbers: these are ours, of the order that its words say.
/// </summary>
internal sealed record GuestKind
{
    /// <summary>Outputs of the two guests that differ.</summary>
    public required double DifferencesPerSec { get; init; }

    /// <summary>Outputs of the one guest that the other does not make: found when the comparison times out.</summary>
    public required double MissingPerSec { get; init; }

    /// <summary>How much memory becomes dirty, at first.</summary>
    public required double DirtyBytesPerSec { get; init; }

    /// <summary>No more becomes dirty, however long it runs.</summary>
    public required double WorkingSetBytes { get; init; }

    public required double OutputBytesPerSec { get; init; }

    public required double InputBytesPerSec { get; init; }

    /// <summary>Connections that share the output.</summary>
    public required int Connections { get; init; }

    /// <summary>Cores that it keeps busy while it runs.</summary>
    public required double Cores { get; init; }

    /// <summary>How much the rates vary, every ten seconds or so: the standard deviation of their logarithm.</summary>
    public required double Variation { get; init; }

    /// <summary>An auction with a database.</summary>
    public static GuestKind Deterministic { get; } = new()
    {
        DifferencesPerSec = 0.02,
        MissingPerSec = 0.02,
        DirtyBytesPerSec = 20e6,
        WorkingSetBytes = 128e6,
        OutputBytesPerSec = 1e6,
        InputBytesPerSec = 0.2e6,
        Connections = 50,
        Cores = 1,
        Variation = 0.3,
    };

    /// <summary>A bug tracker.</summary>
    public static GuestKind NonDeterministic { get; } = new()
    {
        DifferencesPerSec = 4,
        MissingPerSec = 0.2,
        DirtyBytesPerSec = 30e6,
        WorkingSetBytes = 128e6,
        OutputBytesPerSec = 0.5e6,
        InputBytesPerSec = 0.2e6,
        Connections = 20,
        Cores = 1.5,
        Variation = 0.6,
    };

    /// <summary>A video server.</summary>
    public static GuestKind Threaded { get; } = new()
    {
        DifferencesPerSec = 25,
        MissingPerSec = 1,
        DirtyBytesPerSec = 60e6,
        WorkingSetBytes = 256e6,
        OutputBytesPerSec = 5e6,
        InputBytesPerSec = 0.1e6,
        Connections = 10,
        Cores = 3,
        Variation = 0.5,
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<GuestKind> All { get; } = [Deterministic, NonDeterministic, Threaded];
}
