namespace Kumoi.Lineage;

/// <summary>How one evaluation of a lineage is done.</summary>
public sealed record LineageOptions
{
    /// <summary>How many elements an asynchronous function may work on at once, 1 or more. It never changes the result.</summary>
    public int MaxConcurrency
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 32;

    /// <summary>True: what was done to failed elements is not undone.</summary>
    public bool KeepFailed { get; init; }

    /// <summary>The clock of the trace.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Is given the trace when the evaluation has ended, also by a failure.</summary>
    public Action<LineageTrace>? Traced { get; init; }
}
