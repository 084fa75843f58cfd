using System.Xml;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// Connections that are lent to one call at a time. Calls that share a connection hold each other up (libvirtd serves five at a
/// time), and, worse, when keepalive ends a connection on which two calls wait, libvirt 9.0 wakes only one of them: the other one
/// waits until TCP gives up, a quarter of an hour later.
/// </summary>
/// <param name="uri">Where to connect.</param>
/// <param name="label">Names the host in messages.</param>
/// <param name="shared">
/// The one connection for all calls, where the driver gives each connection its own world; that one is in this process, and does not
/// block. Else null.
/// </param>
/// <param name="isForReads">What was read over a connection that is lost before its end may lack something, and is not used.</param>
internal sealed class ConnectionPool(LibvirtUri uri, Func<string> label, ConnectionSlot? shared, bool isForReads) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<ConnectionSlot> _all = [];
    private readonly Stack<ConnectionSlot> _free = new(); // the one that was used last first, so that few are open when little happens
    private bool _isDisposed;

    /// <summary>Runs a call on a connection that nobody else uses meanwhile. Blocks.</summary>
    public T Use<T>(Func<LibvirtConnection, T> work)
    {
        if (shared is not null)
        {
            return Guard(() => work(shared.Get()));
        }

        var slot = Take();
        try
        {
            var connection = slot.Get();
            connection.Lend();
            var answer = Guard(() => work(connection));
            if (isForReads)
            {
                connection.EnsureWhole("finish reading");
            }

            return answer;
        }
        finally
        {
            Return(slot);
        }
    }

    /// <summary>XML that a host sends and that nobody can read is a failure of the host.</summary>
    private T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (XmlException e)
        {
            throw new HypervisorException(
                $"{label()} sent XML that cannot be read: {e.Message}", FaultDomain.Host, error: HypervisorError.Other,
                recommendedAction: "Look at what 'virsh dumpxml' and 'virsh capabilities' say there, and at the host's libvirt.",
                innerException: e);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        shared?.Dispose();
        _all.ForEach(static slot => slot.Dispose());
    }

    private ConnectionSlot Take()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                throw LibvirtErrors.Closed(outcomeUnknown: false);
            }

            if (!_free.TryPop(out var slot))
            {
                slot = new ConnectionSlot(uri, label);
                _all.Add(slot);
            }

            return slot;
        }
    }

    private void Return(ConnectionSlot slot)
    {
        lock (_gate)
        {
            _free.Push(slot);
        }
    }
}
