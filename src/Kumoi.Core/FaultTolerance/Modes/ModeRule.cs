namespace Kumoi.FaultTolerance.Modes;

/// <summary>Which rule chooses the mode of a hybrid pair.</summary>
public enum ModeRule
{
    /// <summary>As <see cref="LearnedModeOptions"/>.</summary>
    Learned = 0,

    /// <summary>As <see cref="FixedModeOptions"/>.</summary>
    Fixed,

    /// <summary>As <see cref="MovingAverageModeOptions"/>.</summary>
    MovingAverage,

    /// <summary>As <see cref="ThresholdModeOptions"/>.</summary>
    Threshold,

    /// <summary>As <see cref="ProportionalIntegralModeOptions"/>.</summary>
    ProportionalIntegral,
}
