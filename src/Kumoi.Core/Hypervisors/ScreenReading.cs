namespace Kumoi.Hypervisors;

/// <summary>What a VM's screen showed.</summary>
/// <param name="CapturedAt">When it was read.</param>
/// <param name="ContentType">
/// The format of the picture, such as <c>image/png</c> or <c>image/x-portable-pixmap</c>: each hypervisor has its own.
/// </param>
/// <param name="Bytes">The picture.</param>
public sealed record ScreenReading(DateTimeOffset CapturedAt, string ContentType, byte[] Bytes);
