namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>A connection that is opened when it is first needed, and again after it was lost.</summary>
internal sealed class ConnectionSlot(LibvirtUri uri, Func<string> label) : IDisposable
{
    private readonly Lock gate = new();
    private LibvirtConnection? current;
    private volatile bool isDisposed;

    /// <summary>Blocks while it connects. A connection that was given out stays usable for who has it.</summary>
    public LibvirtConnection Get()
    {
        LibvirtConnection connection;
        lock (gate)
        {
            if (isDisposed)
            {
                throw LibvirtErrors.Closed(outcomeUnknown: false);
            }

            if (current is { Loss: not null })
            {
                current.Dispose();
                current = null;
            }

            connection = current ??= LibvirtConnection.Open(uri, label);
        }

        if (isDisposed)
        {
            // Disposed meanwhile, by somebody who could not enter.
            Dispose();
        }

        return connection;
    }

    /// <summary>Does not wait for a connection that is just being opened: that one is closed when it comes.</summary>
    public void Dispose()
    {
        isDisposed = true;
        if (!gate.TryEnter())
        {
            return;
        }

        try
        {
            current?.Dispose();
            current = null;
        }
        finally
        {
            gate.Exit();
        }
    }
}
