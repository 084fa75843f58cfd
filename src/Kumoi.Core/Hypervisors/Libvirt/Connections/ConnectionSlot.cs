namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>A connection that is opened when it is first needed, and again after it was lost.</summary>
internal sealed class ConnectionSlot(LibvirtUri uri, Func<string> label) : IDisposable
{
    private readonly Lock _gate = new();
    private LibvirtConnection? _current;
    private volatile bool _isDisposed;

    /// <summary>Blocks while it connects. A connection that was given out stays usable for who has it.</summary>
    public LibvirtConnection Get()
    {
        LibvirtConnection connection;
        lock (_gate)
        {
            if (_isDisposed)
            {
                throw LibvirtErrors.Closed(outcomeUnknown: false);
            }

            if (_current is { Loss: not null })
            {
                _current.Dispose();
                _current = null;
            }

            connection = _current ??= LibvirtConnection.Open(uri, label);
        }

        if (_isDisposed)
        {
            // Disposed meanwhile, by somebody who could not enter.
            Dispose();
        }

        return connection;
    }

    /// <summary>Does not wait for a connection that is just being opened: that one is closed when it comes.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        if (!_gate.TryEnter())
        {
            return;
        }

        try
        {
            _current?.Dispose();
            _current = null;
        }
        finally
        {
            _gate.Exit();
        }
    }
}
