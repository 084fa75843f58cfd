using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>Writes what a small volume is to hold, from memory (libvirt-storage: virStorageVolUpload). Blocks.</summary>
internal static unsafe class VolumeContent
{
    public static void Write(LibvirtConnection connection, VolumeHandle volume, byte[] content, string action)
    {
        using var stream = new StreamHandle(NativeStream.virStreamNew(connection.Handle, 0), connection.Handle);
        if (stream.IsInvalid || NativeStorage.virStorageVolUpload(volume, stream, 0, (ulong)content.Length, 0) != 0)
        {
            throw connection.Failed(action, CallKind.Write);
        }

        fixed (byte* data = content)
        {
            for (var sent = 0; sent < content.Length;)
            {
                var taken = NativeStream.virStreamSend(stream, data + sent, (nuint)(content.Length - sent));
                if (taken < 0)
                {
                    var failure = connection.Failed(action, CallKind.Write);
                    _ = NativeStream.virStreamAbort(stream);
                    throw failure;
                }

                sent += taken;
            }
        }

        if (NativeStream.virStreamFinish(stream) != 0)
        {
            throw connection.Failed(action, CallKind.Write);
        }
    }
}
