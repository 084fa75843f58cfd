using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>Reads a VM's screen through a stream.</summary>
internal static unsafe class ScreenReader
{
    private const uint FirstScreen = 0;

    /// <summary>More than a picture of 8K has without compression.</summary>
    private const int MaxBytes = 128 << 20;

    /// <summary>libvirt-domain: virDomainScreenshot. Blocks until the picture is there.</summary>
    public static ScreenReading Read(LibvirtConnection connection, DomainHandle domain, TimeProvider time)
    {
        var action = $"read the screen of VM '{domain.Name}'";
        using var stream = new StreamHandle(NativeStream.virStreamNew(connection.Handle, 0), connection.Handle);
        if (stream.IsInvalid)
        {
            throw connection.Failed(action);
        }

        var type = NativeString.Take(NativeStream.virDomainScreenshot(domain, stream, FirstScreen, 0)) ?? throw connection.Failed(action);
        var picture = new MemoryStream();
        var buffer = new byte[64 << 10];
        fixed (byte* data = buffer)
        {
            while (true)
            {
                var count = NativeStream.virStreamRecv(stream, data, (nuint)buffer.Length);
                if (count == 0)
                {
                    break;
                }

                if (count < 0)
                {
                    throw connection.Failed(action);
                }

                if (picture.Length + count > MaxBytes)
                {
                    _ = NativeStream.virStreamAbort(stream);
                    throw new HypervisorException($"Cannot {action}: the picture is larger than {MaxBytes >> 20} MiB.", FaultDomain.VM);
                }

                picture.Write(buffer, 0, count);
            }
        }

        return NativeStream.virStreamFinish(stream) == 0
            ? new ScreenReading(time.GetUtcNow(), type, picture.ToArray()) : throw connection.Failed(action);
    }
}
