using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Calls on the disks of VMs.</summary>
internal static class DiskCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, ReadDisks call, CancellationToken token) => host.ReadAsync(call.Id, DiskReader.Read, token))
        .Add(static (LibvirtLink host, AddDisk call, CancellationToken token) => TellAsync(
            host.ControlAsync(connection => DiskChanges.Add(connection, call), token)))
        .Add(static (LibvirtLink host, RemoveDisk call, CancellationToken token) => TellAsync(
            host.KeepAsync(host.RunJobAsync(connection => DiskChanges.Remove(connection, call, token)))))
        .Add(static (LibvirtLink host, ResizeDisk call, CancellationToken token) =>
            host.ControlAsync(connection => DiskChanges.Resize(connection, call), token))
        .Add(static (LibvirtLink host, SwitchDisk call, CancellationToken token) => DiskSwitch.RunAsync(host, call, token))
        .Add(static (LibvirtLink host, AbandonDiskCopy call, CancellationToken token) =>
            host.ChangeAsync(call.Id, (connection, domain) => DiskSwitch.Abandon(connection, domain, call), token))
        .Add(static (LibvirtLink host, SetDisk call, CancellationToken token) =>
            host.ControlAsync(connection => DiskTuning.Set(connection, call), token))
        .Add(static (LibvirtLink host, SetCdDrive call, CancellationToken token) => TellAsync(
            host.ControlAsync(connection => DiskChanges.SetCdDrive(connection, call), token)));

    private static async Task<T> TellAsync<T>(Task<(T Result, IReadOnlyList<string> Warnings)> call)
    {
        var (result, warnings) = await call;
        CallWarnings.Tell(warnings);
        return result;
    }
}
