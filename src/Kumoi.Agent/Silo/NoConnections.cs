using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Kumoi.Agent.Silo;

/// <summary>
/// The transport of a silo that is alone: nothing listens, and nothing is connected to. Calls between its own grains never leave the
/// process, and there is no port that another user of the machine could reach.
/// </summary>
internal sealed class NoConnections : IConnectionListenerFactory, IConnectionFactory
{
    public static NoConnections Instance { get; } = new();

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new(new Listener(endpoint));

    public ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        throw new ConnectionAbortedException("This silo is alone.");

    private sealed class Listener(EndPoint endPoint) : IConnectionListener
    {
        private readonly TaskCompletionSource<ConnectionContext?> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint => endPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            await _end.Task.WaitAsync(cancellationToken);

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _end.TrySetResult(null);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
