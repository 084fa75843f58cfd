namespace Kumoi.Hypervisors.Libvirt;

/// <summary>What a failed call was for; the same error code means different things.</summary>
internal enum CallKind
{
    Read = 0,

    /// <summary>May have taken effect although it failed.</summary>
    Change,

    /// <summary>Opening a connection.</summary>
    Open,
}
