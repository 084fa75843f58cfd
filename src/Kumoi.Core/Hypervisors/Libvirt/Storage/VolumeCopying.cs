using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Copies volumes on their host (libvirt-storage: virStorageVolCreateXMLFrom, which nothing can stop).</summary>
internal static class VolumeCopying
{
    public static Task<VolumeReading> CopyAsync(LibvirtLink host, CopyVolume call, CancellationToken cancellationToken) =>
        host.KeepAsync(host.RunJobAsync(connection => Copy(connection, call, cancellationToken)));

    private static VolumeReading Copy(LibvirtConnection connection, CopyVolume call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        VolumeCalls.EnsureFree(connection, call.Pool, call.VolumeName);
        using var original = VolumeCalls.FindFresh(connection, call.SourcePool, call.SourceName)
            ?? throw VolumeDefinition.NoVolume(connection.Label, call.SourcePool, call.SourceName);
        var xml = VolumeStore.ReadXml(connection, original);
        var reading = VolumeDefinition.Read(call.SourcePool, xml);
        VolumeDefinition.EnsureIsAs(reading, call.SourceFormat);
        VolumeTransfer.EnsureNobodyWrites(connection, reading);
        var format = call.Format ?? (reading.Format is "qcow2" ? "qcow2" : "raw");
        VolumeStore.Create(
            connection,
            VolumeStore.PlanOne(connection, call.Pool, call.VolumeName, vm: "", format, reading.CapacityBytes) with
            {
                AllocationBytes = format is "raw" ? Math.Min(reading.AllocatedBytes, reading.CapacityBytes) : 0,
                CopyOf = reading.Path,
            });
        using var made = VolumeCalls.FindFresh(connection, call.Pool, call.VolumeName)
            ?? throw VolumeDefinition.NoVolume(connection.Label, call.Pool, call.VolumeName);
        try
        {
            // Who began to write meanwhile has made the copy worthless.
            VolumeTransfer.EnsureNobodyWrites(connection, reading);
            cancellationToken.ThrowIfCancellationRequested();
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            VolumeStore.Delete(connection, made, call.VolumeName);
            throw;
        }

        return VolumeDefinition.Read(call.Pool, VolumeStore.ReadXml(connection, made));
    }
}
