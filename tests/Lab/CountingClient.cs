using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// Asks the Linux guest's server to count, over one TCP connection. Each answer must be the next number: a server that was taken back
/// behind an answer would give it again, and one that has lost a question would not answer.
/// </summary>
internal sealed class CountingClient(string address) : IAsyncDisposable
{
    private const int Port = 7000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource _ended = new();
    private readonly List<double> _latencies = [];
    private Task _asking = Task.CompletedTask;

    /// <summary>How many answers there were.</summary>
    public int Count
    {
        get
        {
            lock (_latencies)
            {
                return _latencies.Count;
            }
        }
    }

    /// <summary>How long answers took, from the given one on, in ms, in order of size.</summary>
    public IReadOnlyList<double> LatenciesFrom(int first)
    {
        lock (_latencies)
        {
            return [.. _latencies.Skip(first).Order()];
        }
    }

    /// <summary>Connects as soon as the guest listens.</summary>
    public async Task BeginAsync()
    {
        TcpClient? client = null;
        await Eventually.HoldsAsync(async () => (client = await TryConnectAsync()) is not null, "the guest listens");
        _asking = AskAsync(client!);
    }

    /// <summary>Some more answers come.</summary>
    public async Task GoesOnAsync(int count = 3)
    {
        var enough = Count + count;
        await Eventually.HoldsAsync(() => Count >= enough || _asking.IsFaulted, "the guest answers");
        if (_asking.IsFaulted)
        {
            await _asking;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        await _asking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ended.Dispose();
    }

    private async Task<TcpClient?> TryConnectAsync()
    {
        var client = new TcpClient();
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            await client.ConnectAsync(address, Port, limit.Token);
            return client;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            client.Dispose();
            return null;
        }
    }

    private async Task AskAsync(TcpClient client)
    {
        using var _ = client;
        client.NoDelay = true;
        using var reader = new StreamReader(client.GetStream());
        await using var writer = new StreamWriter(client.GetStream()) { AutoFlush = true };
        for (var number = 1; !_ended.IsCancellationRequested; number++)
        {
            var asked = Stopwatch.GetTimestamp();
            await writer.WriteLineAsync(number.ToString(CultureInfo.InvariantCulture).AsMemory(), _ended.Token);
            var answer = await reader.ReadLineAsync(_ended.Token).AsTask().WaitAsync(Patience);
            Assert.Equal($"{number} {number}", answer);
            lock (_latencies)
            {
                _latencies.Add(Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
            }
        }
    }
}
