using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Storage;

/// <summary>
/// Files of this computer that become simulated volumes, and such volumes that become files. What is uploaded is kept in memory, if it is
/// not bigger than <see cref="MostKeptBytes"/>; all else is zeros.
/// </summary>
internal static class VolumeTransfer
{
    private const int MostKeptBytes = 16 << 20;
    private const int PieceBytes = 1 << 20;

    public static async Task<VolumeReading> UploadAsync(SimulatedLink link, UploadVolume call, CancellationToken cancellationToken)
    {
        using var image = LocalImage.Open(call.LocalPath);
        var content = image.Length <= MostKeptBytes ? new byte[image.Length] : null;
        var piece = new byte[PieceBytes];
        for (var at = 0L; at < image.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = image.Read(piece, at);
            if (content is not null)
            {
                piece.AsSpan(0, count).CopyTo(content.AsSpan((int)at));
            }

            at += count;
            call.Progress?.Report(new CopyProgress(image.Length, at));
        }

        image.EnsureUnchanged();
        var made = await link.Call(
            () =>
            {
                if (call.IsMade)
                {
                    VolumeCalls.Drop(link, call.Pool, call.VolumeName);
                }

                return VolumeCalls.Add(link, call.Pool, call.VolumeName, image.Format, image.CapacityBytes, content);
            },
            cancellationToken);
        CallWarnings.Tell(VolumeDefinition.WarningsOfUpload(call.LocalPath, image));
        return made;
    }

    public static async Task<long> DownloadAsync(SimulatedLink link, DownloadVolume call, CancellationToken cancellationToken)
    {
        using var file = PartialFile.Create(call.LocalPath, call.Replace);
        var (reading, content) = await link.Call(() => Find(link, call), cancellationToken);
        if (content is not null)
        {
            file.Write(content, content.Length, 0);
        }

        var length = content?.Length ?? reading.CapacityBytes;
        call.Progress?.Report(new CopyProgress(length, length));
        file.Complete(length);
        return length;
    }

    private static (VolumeReading Reading, byte[]? Content) Find(SimulatedLink link, DownloadVolume call)
    {
        var (reading, volume) = VolumeCalls.Get(link, call.Pool, call.VolumeName);
        var writer = link.Host.VMs.Values.FirstOrDefault(vm => vm.State is not PowerState.Shutoff && vm.Definition is not null
            && VolumeDefinition.IsWrittenBy(reading, vm.Definition));
        return writer is null ? (reading, volume.Content) : throw VolumeDefinition.IsWritten(reading, writer.Name, link.HostName);
    }
}
