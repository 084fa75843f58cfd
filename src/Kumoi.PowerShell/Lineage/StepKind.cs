namespace Kumoi.PowerShell.Lineage;

/// <summary>What a step of a pipeline does with its elements.</summary>
internal enum StepKind
{
    /// <summary>Not known: no substitution across it.</summary>
    Opaque = 0,

    /// <summary>Where-Object.</summary>
    Filter,

    /// <summary>Sort-Object.</summary>
    Order,

    /// <summary>Select-Object -First, -Last or -Index, Sort-Object -Top or -Bottom: keeps some and leaves a reserve.</summary>
    Extraction,

    /// <summary>Works on each element by itself: ForEach-Object, Add-Member, Select-Object with properties.</summary>
    PerElement,

    /// <summary>Select-KumoiHost or Select-KumoiVM: holds its own reserve.</summary>
    Held,

    /// <summary>A Kumoi cmdlet that acts on each element.</summary>
    Action,
}
