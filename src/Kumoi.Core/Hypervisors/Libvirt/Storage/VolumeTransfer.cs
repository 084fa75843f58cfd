using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Files of this computer that become volumes, and volumes that become files.</summary>
internal static class VolumeTransfer
{
    /// <summary>What is left of a volume is removed by another connection where the first is lost, but not waited for without end.</summary>
    private static readonly TimeSpan RemovalPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// virStorageVolCreateXML as a raw volume of the file's length, which makes the name taken, and virStorageVolUpload. A storage pool sees
    /// by itself what is in it.
    /// </summary>
    public static Task<VolumeReading> UploadAsync(LibvirtLink host, UploadVolume call, CancellationToken cancellationToken) =>
        host.KeepAsync(UploadOrRemoveAsync(host, call, cancellationToken));

    public static Task<long> DownloadAsync(LibvirtLink host, DownloadVolume call, CancellationToken cancellationToken) =>
        host.KeepAsync(DownloadWholeAsync(host, call, cancellationToken));

    private static async Task<VolumeReading> UploadOrRemoveAsync(LibvirtLink host, UploadVolume call, CancellationToken cancellationToken)
    {
        using var image = LocalImage.Open(call.LocalPath);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, host.Closing);
        var token = either.Token;
        string? made = null;
        try
        {
            var uploaded = await host.RunJobAsync(connection => Upload(connection, call, image, path => made = path, token));
            CallWarnings.Tell(VolumeDefinition.WarningsOfUpload(call.LocalPath, image));
            return uploaded;
        }
        catch (Exception failure) when (Volatile.Read(ref made) is not null)
        {
            await RemoveHalfAsync(host, call, made!, failure);
            if (failure is HypervisorException { OutcomeUnknown: true } e)
            {
                // It is known by now what became of it: nothing.
                throw new HypervisorException(
                    e.Message, e.FaultDomain, e.IsTransient, outcomeUnknown: false, e.Error, e.NativeCode, e.RecommendedAction, e);
            }

            throw;
        }
    }

    private static async Task<long> DownloadWholeAsync(LibvirtLink host, DownloadVolume call, CancellationToken cancellationToken)
    {
        using var file = PartialFile.Create(call.LocalPath, call.Replace);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, host.Closing);
        var token = either.Token;
        var (length, warnings) = await host.RunJobAsync(connection => Download(connection, call, file, token));
        file.Complete(length);
        CallWarnings.Tell(warnings);
        return length;
    }

    /// <summary><paramref name="made"/> is told the path once there is a volume that is ours.</summary>
    private static VolumeReading Upload(
        LibvirtConnection connection, UploadVolume call, LocalImage image, Action<string> made, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!call.IsMade)
        {
            VolumeCalls.EnsureFree(connection, call.Pool, call.VolumeName);
            var plan = VolumeStore.PlanOne(connection, call.Pool, call.VolumeName, vm: "", "raw", image.Length);
            VolumeStore.Create(connection, plan);
            made(plan.Path);
        }

        var action = $"upload the volume '{call.VolumeName}' to the storage pool '{call.Pool}'";
        using var volume = VolumeStore.Find(connection, call.Pool, call.VolumeName)
            ?? throw VolumeDefinition.NoVolume(connection.Label, call.Pool, call.VolumeName);
        made(VolumeDefinition.Read(call.Pool, VolumeStore.ReadXml(connection, volume)).Path);
        VolumeStream.Send(connection, volume, image, action, call.Progress, cancellationToken);
        using var there = VolumeCalls.FindFresh(connection, call.Pool, call.VolumeName)
            ?? throw VolumeDefinition.NoVolume(connection.Label, call.Pool, call.VolumeName);
        var xml = VolumeStore.ReadXml(connection, there);
        VolumeDefinition.EnsureLength(xml, image.Length, $"Cannot {action} on {connection.Label}");
        return VolumeDefinition.Read(call.Pool, xml) with { Format = image.Format, CapacityBytes = image.CapacityBytes };
    }

    private static (long Length, IReadOnlyList<string> Warnings) Download(
        LibvirtConnection connection, DownloadVolume call, PartialFile file, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var volume = VolumeCalls.FindFresh(connection, call.Pool, call.VolumeName)
            ?? throw VolumeDefinition.NoVolume(connection.Label, call.Pool, call.VolumeName);
        var xml = VolumeStore.ReadXml(connection, volume);
        var reading = VolumeDefinition.Read(call.Pool, xml);
        EnsureNobodyWrites(connection, reading);
        var action = $"download the volume '{call.VolumeName}' of the storage pool '{call.Pool}'";
        var length = VolumeStream.Receive(
            connection, volume, file, VolumeDefinition.LengthOf(xml) ?? reading.CapacityBytes, action, call.Progress, cancellationToken);

        // Who began to write meanwhile has made the copy worthless.
        EnsureNobodyWrites(connection, reading);
        VolumeDefinition.EnsureLength(
            VolumeStore.ReadXml(connection, volume), length, $"Cannot {action} on {connection.Label}");
        return (length, VolumeDefinition.WarningsOfDownload(call.LocalPath, reading));
    }

    public static void EnsureNobodyWrites(LibvirtConnection connection, VolumeReading volume)
    {
        using var domains = VMDefiner.ListDomains(connection);
        foreach (var domain in domains.Where(domain => VMDefiner.IsActive(connection, domain)))
        {
            if (VolumeDefinition.IsWrittenBy(volume, DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain))))
            {
                throw VolumeDefinition.IsWritten(volume, domain.Name, connection.Label);
            }
        }
    }

    /// <summary>
    /// A volume that is gone is fine; one that a VM has taken meanwhile stays, and is told. A host whose daemon has just died is waited for.
    /// </summary>
    private static async Task RemoveHalfAsync(LibvirtLink host, UploadVolume call, string path, Exception failure)
    {
        using var limit = new CancellationTokenSource(RemovalPatience, host.Time);
        while (true)
        {
            try
            {
                await host.ControlAsync(connection => RemoveHalf(connection, call, path), limit.Token);
                return;
            }
            catch (HypervisorException e) when (
                e.Error is HypervisorError.ConnectionFailed && !host.Closing.IsCancellationRequested && !limit.IsCancellationRequested)
            {
                await Task.Delay(BetweenTries, host.Time, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e) when (e is HypervisorException or OperationCanceledException)
            {
                throw new HypervisorException(
                    $"{failure.Message} What was uploaded of '{call.VolumeName}' may be in the storage pool '{call.Pool}' of "
                        + $"{host.HostName} still.",
                    (failure as HypervisorException)?.FaultDomain ?? FaultDomain.Unknown,
                    outcomeUnknown: true,
                    error: (failure as HypervisorException)?.Error ?? HypervisorError.Aborted,
                    recommendedAction: "When the host works again, look with Get-KumoiVolume, and remove it with Remove-KumoiVolume.",
                    innerException: e);
            }
        }
    }

    private static bool RemoveHalf(LibvirtConnection connection, UploadVolume call, string path)
    {
        using var volume = VolumeStore.Find(connection, call.Pool, call.VolumeName);
        if (volume is not null && ImageUsesReader.Read(connection, without: "").FindKnownUse(path) is { } use)
        {
            throw VolumeDefinition.InUse(path, use);
        }

        return volume is null || VolumeStore.Delete(connection, volume, path);
    }
}
