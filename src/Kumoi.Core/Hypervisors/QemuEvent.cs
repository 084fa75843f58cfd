namespace Kumoi.Hypervisors;

/// <summary>Something that a QEMU has reported.</summary>
/// <param name="Name">Such as STOP.</param>
/// <param name="At">When, by the host's clock.</param>
/// <param name="Details">Its data, a JSON object; empty: none.</param>
public readonly record struct QemuEvent(string Name, DateTimeOffset At, string Details);
