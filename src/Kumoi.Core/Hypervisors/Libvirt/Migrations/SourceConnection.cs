using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// The one connection over which all phases of a source go: libvirt ends the migration when that is closed, but leaves a VM that it has
/// handed over paused.
/// </summary>
internal sealed class SourceConnection
{
    private LibvirtConnection? _connection;
    private DomainHandle? _domain;

    public LibvirtConnection Connection => _connection ?? throw new ObjectDisposedException(nameof(LibvirtOutgoingMigration));

    public DomainHandle Domain => _domain!;

    /// <summary>Blocks.</summary>
    public void Open(FreshConnections connections, Guid id)
    {
        _connection = connections.Open();
        _domain = _connection.GetDomain(id);
    }

    public void Close()
    {
        Interlocked.Exchange(ref _domain, null)?.Dispose();
        Interlocked.Exchange(ref _connection, null)?.Dispose();
    }
}
