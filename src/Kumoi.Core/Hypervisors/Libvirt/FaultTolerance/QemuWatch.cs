using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.FaultTolerance;

/// <summary>Reports what a VM's QEMU reports, over a connection of its own.</summary>
internal sealed class QemuWatch : IQemuListener, IAsyncDisposable
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TimeProvider _time;
    private readonly LibvirtConnection _connection;
    private readonly Action<QemuEvent> _happened;
    private int _registration;

    private QemuWatch(TimeProvider time, LibvirtConnection connection, Action<QemuEvent> happened)
    {
        _time = time;
        _connection = connection;
        _happened = happened;
    }

    /// <summary>Begins, and ends by itself when nobody waits for it any more.</summary>
    public static async Task<IAsyncDisposable> BeginAsync(
        LibvirtLink host, Guid id, Action<QemuEvent> happened, CancellationToken cancellationToken)
    {
        var beginning = host.BlockAsync(() => Begin(host, id, happened));
        try
        {
            return await beginning.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            _ = beginning.ContinueWith(
                static begun => begun.IsCompletedSuccessfully ? begun.Result.DisposeAsync().AsTask() : Task.CompletedTask,
                TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>libvirt-qemu: virConnectDomainQemuMonitorEventRegister. Blocks.</summary>
    private static QemuWatch Begin(LibvirtLink host, Guid id, Action<QemuEvent> happened)
    {
        LibvirtLibrary.RequireQemu();
        var connection = LibvirtConnection.Open(host.Address, () => host.HostName);
        try
        {
            using var domain = connection.GetDomain(id);
            var watch = new QemuWatch(host.Time, connection, happened);
            watch._registration = NativeQemu.Register(connection.Handle, domain, watch);
            return watch._registration >= 0 ? watch : throw connection.Failed($"watch the QEMU of VM '{domain.Name}'");
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public void Post(string name, DateTimeOffset at, string details) => _happened(new QemuEvent(name, at, details));

    public void Released() => _released.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        // A daemon that does not answer must not keep anybody; the connection is closed behind the back then. On a thread of its own: the
        // link may be gone by then.
        var closing = Task.Factory.StartNew(Close, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await Task.WhenAny(closing, Task.Delay(WorkerThreads.Patience, _time, CancellationToken.None));
        _ = closing.ContinueWith(static closed => closed.Exception, TaskScheduler.Default);
    }

    private void Close()
    {
        // On a lost connection it fails at the other end, but libvirt lets go here in any case.
        _ = NativeQemu.virConnectDomainQemuMonitorEventDeregister(_connection.Handle, _registration);
        _released.Task.Wait(WorkerThreads.Patience);
        _connection.Dispose();
    }
}
