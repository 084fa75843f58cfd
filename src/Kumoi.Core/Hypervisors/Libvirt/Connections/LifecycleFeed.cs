using System.Collections.Immutable;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// The one registration for lifecycle events of a connection (libvirt refuses a second one with the same callback), shared by
/// all watches. Keeps its connection open until libvirt has let go of it.
/// </summary>
internal sealed class LifecycleFeed : ILifecycleListener
{
    private readonly TimeProvider _time;
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ImmutableList<LifecycleSink> _sinks = [];
    private int _registration;
    private int _isOver;

    private LifecycleFeed(LibvirtConnection connection, TimeProvider time)
    {
        Connection = connection;
        _time = time;
        WhenReleased = ReleaseAsync();
    }

    public LibvirtConnection Connection { get; }

    /// <summary>Completes after <see cref="Deregister"/>, when the connection can be closed.</summary>
    public Task WhenReleased { get; }

    /// <summary>libvirt-domain: virConnectDomainEventRegisterAny. Blocks.</summary>
    public static LifecycleFeed Register(LibvirtConnection connection, TimeProvider time)
    {
        var isHeld = false;
        connection.Handle.DangerousAddRef(ref isHeld);
        var feed = new LifecycleFeed(connection, time);
        feed._registration = NativeEvents.RegisterLifecycle(connection.Handle, feed);
        if (feed._registration < 0)
        {
            var failure = connection.Failed("watch the VMs");
            feed.Released();
            throw failure;
        }

        _ = connection.WhenLost.ContinueWith(
            static (_, state) => ((LifecycleFeed)state!).End(),
            feed,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return feed;
    }

    /// <summary>Events from now on. The queue ends when the connection is lost, or after <see cref="Deregister"/>.</summary>
    public void Add(LifecycleSink sink)
    {
        ImmutableInterlocked.Update(ref _sinks, static (list, added) => list.Add(added), sink);
        if (Volatile.Read(ref _isOver) != 0)
        {
            sink.Complete();
        }
    }

    public void Remove(LifecycleSink sink) =>
        ImmutableInterlocked.Update(ref _sinks, static (list, removed) => list.Remove(removed), sink);

    /// <summary>Called by libvirt's event loop; must not block.</summary>
    public void Post(Guid id, string name, int kind, int detail)
    {
        var happened = new VMLifecycleEvent(_time.GetUtcNow(), id, name, ToLifecycle(kind, detail));
        foreach (var sink in Volatile.Read(ref _sinks))
        {
            sink.Post(happened);
        }
    }

    /// <summary>Blocks. On a lost connection it fails at the other end, but libvirt lets go here in any case.</summary>
    public void Deregister()
    {
        End();
        _ = NativeEvents.virConnectDomainEventDeregisterAny(Connection.Handle, _registration);
    }

    /// <summary>Called when libvirt holds no reference on this object any more.</summary>
    public void Released() => _released.TrySetResult();

    /// <summary>libvirt-domain: virDomainEventType; of a stop also virDomainEventStoppedDetailType.</summary>
    internal static VMLifecycle ToLifecycle(int kind, int detail)
    {
        const int GuestCrashed = 2;
        const int EmulatorDied = 5;
        return kind switch
        {
            0 => VMLifecycle.Defined,
            1 => VMLifecycle.Undefined,
            2 => VMLifecycle.Started,
            3 => VMLifecycle.Suspended,
            4 => VMLifecycle.Resumed,
            5 => detail is GuestCrashed or EmulatorDied ? VMLifecycle.Crashed : VMLifecycle.Stopped,
            6 => VMLifecycle.Shutdown,
            7 => VMLifecycle.PMSuspended,
            8 => VMLifecycle.Crashed,
            _ => VMLifecycle.Unknown,
        };
    }

    private void End()
    {
        Volatile.Write(ref _isOver, 1);
        foreach (var sink in Volatile.Read(ref _sinks))
        {
            sink.Complete();
        }
    }

    private async Task ReleaseAsync()
    {
        await _released.Task;
        await EventLoop.PassAsync();
        Connection.Handle.DangerousRelease();
    }
}
