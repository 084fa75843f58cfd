using System.Net;
using System.Net.Sockets;
using Kumoi.Hypervisors;
using Kumoi.Relaying;
using Xunit;

namespace Kumoi.Tests.Relaying;

/// <summary>A relay with a source and targets that are sockets of the test.</summary>
public abstract class RelayTest : IAsyncDisposable
{
    private protected static readonly byte[] Pong = [0, 2, 0, 4, 0, 0, 0, 1];
    private protected static readonly byte[] ShutOk = [0, 1, 0, 4, 0, 0, 0, 0];
    private protected static readonly byte[] ShutError = [0, 1, 0, 4, 0xFF, 0xFF, 0xFF, 0xEA];

    private protected static readonly TimeSpan HearingPatience = TimeSpan.FromSeconds(2.5);

    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60)); // a safety net, nothing waits for it
    private readonly List<IDisposable> _open = [];
    private MigrationRelay? _relay;

    private protected MigrationRelay Relay { get => _relay!; set => _relay = value; }

    /// <summary>Cancels the relay.</summary>
    private protected CancellationTokenSource Stop { get; } = new();

    private protected ManualTime Time { get; } = new();

    private protected List<TestTarget> Targets { get; } = [];

    private protected Task Running { get; private set; } = Task.CompletedTask;

    private protected CancellationToken Deadline => _deadline.Token;

    public async ValueTask DisposeAsync()
    {
        await Stop.CancelAsync();
        await Running.WaitAsync(TimeSpan.FromSeconds(60));
        _relay?.Dispose();
        Targets.ForEach(target => target.Dispose());
        _open.ForEach(one => one.Dispose());
        Stop.Dispose();
        _deadline.Dispose();
    }

    private protected void Start(int count, ReplicaBudget budget, Func<IPAddress, bool> isSource)
    {
        Targets.AddRange(Enumerable.Range(0, count).Select(_ => new TestTarget()));
        _relay = new MigrationRelay(
            IPAddress.Loopback, isSource, Targets.Select((target, i) => ($"k{i + 2}", target.EndPoint)), budget, HearingPatience, Time);
        Running = _relay.RunAsync(Stop.Token);
    }

    /// <summary>Returns the source's end. Everybody is connected.</summary>
    private protected async Task<Socket> StartAsync(int count, ReplicaBudget budget)
    {
        Start(count, budget, IPAddress.IsLoopback);
        foreach (var target in Targets)
        {
            await target.AcceptAsync(Deadline);
        }

        return await ConnectAsync();
    }

    private protected async Task<Socket> ConnectAsync()
    {
        var source = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _open.Add(source);
        await source.ConnectAsync(Relay.EndPoint, Deadline);
        return source;
    }

    private protected async Task EndAsync(Socket source)
    {
        source.Shutdown(SocketShutdown.Send);
        Targets.ForEach(target => target.Socket.Close());
        await Running.WaitAsync(Deadline);
    }

    private protected async Task SendZerosAsync(Socket socket, long bytes)
    {
        var zeros = new byte[1 << 20];
        for (long sent = 0; sent < bytes; sent += zeros.Length)
        {
            await socket.SendAsync(zeros, Deadline);
        }
    }

    /// <summary>Nothing more can be sent, as the other side does not read.</summary>
    private protected static bool IsFull(Socket socket) => !socket.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectWrite);

    private protected async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        using var all = new MemoryStream();
        var buffer = new byte[100_000];
        while (await socket.ReceiveAsync(buffer, Deadline) is var length and > 0)
        {
            all.Write(buffer, 0, length);
        }

        return all.ToArray();
    }

    private protected async Task<long> CountToEndAsync(Socket socket)
    {
        long count = 0;
        var buffer = new byte[1 << 20];
        while (await socket.ReceiveAsync(buffer, Deadline) is var length and > 0)
        {
            count += length;
        }

        return count;
    }

    private protected async Task ExpectAsync(Socket socket, byte[] expected)
    {
        var heard = new byte[expected.Length];
        for (var length = 0; length < heard.Length;)
        {
            var more = await socket.ReceiveAsync(heard.AsMemory(length), Deadline);
            Assert.NotEqual(0, more);
            length += more;
        }

        Assert.Equal(expected, heard);
    }

    private protected async Task HoldsAsync(Func<bool> condition)
    {
        while (!condition())
        {
            Deadline.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private protected static async Task IgnoreAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (SocketException)
        {
            // The relay closed the connection.
        }
    }

    private protected sealed class TestTarget : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        public TestTarget()
        {
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen();
        }

        public EndPoint EndPoint => _listener.LocalEndPoint!;

        public Socket Socket { get; private set; } = null!;

        public async Task AcceptAsync(CancellationToken cancellationToken) => Socket = await _listener.AcceptAsync(cancellationToken);

        public void Dispose()
        {
            _listener.Dispose();
            Socket?.Dispose();
        }
    }
}
