namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// Connections for jobs, each with one of its own while it runs. The next job may have it then: to open and to close one are eight trips to
/// the daemon, and over ssh a login. One whose job has thrown is not used again.
/// </summary>
internal sealed class JobConnections(LibvirtUri uri, Func<string> label) : IDisposable
{
    private const int MaxKept = 4; // so many jobs run on a host at a time unless that is set

    private readonly Lock _gate = new();
    private readonly Stack<LibvirtConnection> _kept = new();
    private bool _isDisposed;

    /// <summary>Blocks.</summary>
    public T Use<T>(Func<LibvirtConnection, T> work)
    {
        var connection = TakeKept() ?? LibvirtConnection.Open(uri, label);
        connection.Lend();
        T result;
        try
        {
            result = work(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        if (!TryKeep(connection))
        {
            connection.Dispose();
        }

        return result;
    }

    /// <summary>Those that jobs use meanwhile are closed when these have ended.</summary>
    public void Dispose()
    {
        LibvirtConnection[] kept;
        lock (_gate)
        {
            _isDisposed = true;
            kept = [.. _kept];
            _kept.Clear();
        }

        foreach (var connection in kept)
        {
            connection.Dispose();
        }
    }

    /// <summary>
    /// One that has just answered: on one that died unnoticed the beginning of a job would be an unknown outcome, where a new one fails
    /// before anything happened.
    /// </summary>
    private LibvirtConnection? TakeKept()
    {
        while (true)
        {
            LibvirtConnection? connection;
            lock (_gate)
            {
                if (!_kept.TryPop(out connection))
                {
                    return null;
                }
            }

            if (connection.Answers())
            {
                return connection;
            }

            connection.Dispose();
        }
    }

    private bool TryKeep(LibvirtConnection connection)
    {
        lock (_gate)
        {
            if (_isDisposed || _kept.Count >= MaxKept)
            {
                return false;
            }

            _kept.Push(connection);
            return true;
        }
    }
}
