using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Volumes as streams (libvirt-stream, libvirt-storage). Its methods block; a cancellation takes effect between two packets.</summary>
internal static unsafe class VolumeStream
{
    private const uint Sparse = 1; // VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM, VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM
    private const uint StopAtHole = 1; // VIR_STREAM_RECV_STOP_AT_HOLE
    private const int AtHole = -3;

    /// <summary>Whole pages, as holes of files are: in one packet of libvirt's protocol, which takes 262,120 bytes from everybody.</summary>
    private const int PacketBytes = 63 * 4096;

    /// <summary>virStorageVolUpload. Pages of zeros are sent as holes.</summary>
    public static void Send(
        LibvirtConnection connection, VolumeHandle volume, LocalImage image, string action, IProgress<CopyProgress>? progress,
        CancellationToken cancellationToken)
    {
        using var stream = Open(connection, action);
        if (NativeStorage.virStorageVolUpload(volume, stream, 0, (ulong)image.Length, Sparse) != 0)
        {
            throw connection.Failed(action, CallKind.Write);
        }

        var isWhole = false;
        try
        {
            var hole = 0L;
            var buffer = GC.AllocateUninitializedArray<byte>(PacketBytes, pinned: true);
            fixed (byte* data = buffer)
            {
                for (var at = 0L; at < image.Length;)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var count = image.Read(buffer, at);
                    at += count;
                    if (buffer.AsSpan(0, count).IndexOfAnyExcept((byte)0) < 0)
                    {
                        hole += count;
                    }
                    else
                    {
                        SendHole(connection, stream, ref hole, action);
                        SendAll(connection, stream, data, count, action);
                    }

                    progress?.Report(new CopyProgress(image.Length, at));
                }
            }

            SendHole(connection, stream, ref hole, action);
            image.EnsureUnchanged();
            if (NativeStream.virStreamFinish(stream) != 0)
            {
                throw connection.Failed(action, CallKind.Write);
            }

            isWhole = true;
        }
        finally
        {
            if (!isWhole)
            {
                _ = NativeStream.virStreamAbort(stream);
            }
        }
    }

    /// <summary>virStorageVolDownload. The result is how many bytes the volume had.</summary>
    public static long Receive(
        LibvirtConnection connection, VolumeHandle volume, PartialFile file, long expected, string action,
        IProgress<CopyProgress>? progress, CancellationToken cancellationToken)
    {
        using var stream = Open(connection, action);
        if (NativeStorage.virStorageVolDownload(volume, stream, 0, 0, Sparse) != 0)
        {
            throw connection.Failed(action);
        }

        var isWhole = false;
        try
        {
            var at = 0L;
            var buffer = GC.AllocateUninitializedArray<byte>(PacketBytes, pinned: true);
            fixed (byte* data = buffer)
            {
                while (true)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var count = NativeStream.virStreamRecvFlags(stream, data, PacketBytes, StopAtHole);
                    if (count == AtHole)
                    {
                        long hole;
                        if (NativeStream.virStreamRecvHole(stream, &hole, 0) != 0)
                        {
                            throw connection.Failed(action);
                        }

                        at += hole;
                    }
                    else if (count < 0)
                    {
                        throw connection.Failed(action);
                    }
                    else if (count == 0)
                    {
                        break;
                    }
                    else
                    {
                        file.Write(buffer, count, at);
                        at += count;
                    }

                    progress?.Report(new CopyProgress(expected, at));
                }
            }

            if (NativeStream.virStreamFinish(stream) != 0)
            {
                throw connection.Failed(action);
            }

            isWhole = true;
            return at;
        }
        finally
        {
            if (!isWhole)
            {
                _ = NativeStream.virStreamAbort(stream);
            }
        }
    }

    private static StreamHandle Open(LibvirtConnection connection, string action)
    {
        var stream = new StreamHandle(NativeStream.virStreamNew(connection.Handle, 0), connection.Handle);
        return stream.IsInvalid ? throw connection.Failed(action) : stream;
    }

    private static void SendHole(LibvirtConnection connection, StreamHandle stream, ref long hole, string action)
    {
        if (hole > 0 && NativeStream.virStreamSendHole(stream, hole, 0) != 0)
        {
            throw connection.Failed(action, CallKind.Write);
        }

        hole = 0;
    }

    private static void SendAll(LibvirtConnection connection, StreamHandle stream, byte* data, int count, string action)
    {
        for (var sent = 0; sent < count;)
        {
            var taken = NativeStream.virStreamSend(stream, data + sent, (nuint)(count - sent));
            if (taken < 0)
            {
                throw connection.Failed(action, CallKind.Write);
            }

            sent += taken;
        }
    }
}
