using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// The threads of one migration on one host, and connections to that host that no earlier call has used. Apart from the host's link, which
/// may be closed while the migration goes on.
/// </summary>
internal sealed class FreshConnections(LibvirtUri uri, string hostName) : IAsyncDisposable
{
    private const int MaxThreads = 4;

    public LibvirtUri Uri => uri;

    /// <summary>The host's own name.</summary>
    public string HostName => hostName;

    public WorkerThreads Threads { get; } = new(MaxThreads);

    /// <summary>Blocks.</summary>
    public LibvirtConnection Open() => LibvirtConnection.Open(uri, () => hostName);

    /// <summary>Runs work on a connection of its own. What was cancelled goes on behind the caller's back.</summary>
    public Task<T> RunAsync<T>(Func<LibvirtConnection, T> work, CancellationToken cancellationToken) =>
        Threads.RunAsync(
            () =>
            {
                using var connection = Open();
                return work(connection);
            },
            cancellationToken);

    public Task<VMWhereabouts> ReadPlaceAsync(Guid id, CancellationToken cancellationToken) =>
        RunAsync(connection => WhereaboutsReader.Read(connection, id), cancellationToken);

    public ValueTask DisposeAsync() => Threads.DisposeAsync();
}
