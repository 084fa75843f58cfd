using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>What a VM's screen showed.</summary>
public sealed class KumoiVMScreenshot
{
    internal KumoiVMScreenshot(KumoiVM vm, ScreenReading reading)
    {
        VM = vm.Name;
        VMHost = vm.VMHost;
        CapturedAt = reading.CapturedAt;
        ContentType = reading.ContentType;
        Bytes = reading.Bytes;
    }

    public string VM { get; }

    public string VMHost { get; }

    public DateTimeOffset CapturedAt { get; }

    /// <inheritdoc cref="ScreenReading(DateTimeOffset, string, byte[])"/>
    public string ContentType { get; }

    /// <summary>The picture, as the hypervisor gave it.</summary>
    public byte[] Bytes { get; }

    public override string ToString() => $"{VM} on {VMHost}: {ContentType}, {Bytes.Length} bytes";
}
