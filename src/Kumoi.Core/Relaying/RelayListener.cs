using System.Net;
using System.Net.Sockets;

namespace Kumoi.Relaying;

/// <summary>Where a relay waits for its source. Everybody else is turned away.</summary>
internal sealed class RelayListener : IDisposable
{
    private readonly Socket _listener;
    private readonly Func<IPAddress, bool> _isSource;
    private volatile IPAddress? _refused;

    /// <summary>Listens at once, on a port that the system chooses.</summary>
    /// <param name="address">Where.</param>
    /// <param name="isSource">Who may connect.</param>
    /// <exception cref="SocketException">The address is not of this computer.</exception>
    public RelayListener(IPAddress address, Func<IPAddress, bool> isSource)
    {
        _isSource = isSource;
        _listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _listener.Bind(new IPEndPoint(address, 0));
            _listener.Listen(1);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }

        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
    }

    /// <summary>Where the source is to connect.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Who was turned away last; null: nobody.</summary>
    public IPAddress? Refused => _refused;

    /// <summary>The connection of the source; there is only one, so nobody is listened to after it.</summary>
    public async Task<Socket> AcceptAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                var caller = await _listener.AcceptAsync(stop);
                var address = ((IPEndPoint)caller.RemoteEndPoint!).Address;
                if (_isSource(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address))
                {
                    return caller;
                }

                _refused = address;
                caller.Dispose();
            }
        }
        finally
        {
            _listener.Dispose();
        }
    }

    public void Dispose() => _listener.Dispose();
}
