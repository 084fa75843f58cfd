namespace Kumoi.PolicySimulation.Modes;

/// <summary>What a checkpoint of a pair costs, and what the comparison of outputs does.</summary>
internal sealed record PairModel
{
    /// <summary>
    /// How long the guest stands still for a checkpoint in which nothing is dirty. Measured on QEMU's COLO, in software: about 85 ms with
    /// little dirty memory, of which 5 ms are taken for that memory.
    /// </summary>
    public double BasePauseSec { get; init; } = 0.080;

    /// <summary>How fast dirty memory goes to the backup: 10 Gbit/s. QEMU sends it while the guest stands still.</summary>
    public double BytesPerSec { get; init; } = 1.25e9;

    /// <summary>
    /// How long the guest runs on while most of a checkpoint is copied, before it stands still. COLO copies while it stands.
    /// </summary>
    public double CopySec { get; init; }

    /// <summary>Pauses vary by a log-normal factor of mean 1: the standard deviation of its logarithm.</summary>
    public double PauseVariation { get; init; } = 0.25;

    /// <summary>The state of the devices, in each checkpoint. Measured: 0.33 MB.</summary>
    public double DeviceBytes { get; init; } = 0.33e6;

    /// <summary>How long output waits for the other guest's, where they are equal.</summary>
    public double CompareSec { get; init; } = 0.001;

    /// <summary>How long it waits at most, where the other guest makes none. QEMU's own (compare_timeout) is 3 s.</summary>
    public double CompareTimeoutSec { get; init; } = 3;
}
