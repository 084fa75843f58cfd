using System.Net;
using System.Net.Sockets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt.Migrations;
using Kumoi.Relaying;
using Xunit;

namespace Kumoi.Tests.Libvirt;

public sealed class MigrationRelayTests : IAsyncDisposable
{
    private static readonly byte[] Pong = [0, 2, 0, 4, 0, 0, 0, 1];
    private static readonly byte[] ShutOk = [0, 1, 0, 4, 0, 0, 0, 0];
    private static readonly byte[] ShutError = [0, 1, 0, 4, 0xFF, 0xFF, 0xFF, 0xEA];

    private static readonly TimeSpan HearingPatience = TimeSpan.FromSeconds(2.5);

    private readonly CancellationTokenSource deadline = new(TimeSpan.FromSeconds(60)); // a safety net, nothing waits for it
    private readonly CancellationTokenSource stop = new();
    private readonly ManualTime time = new();
    private readonly List<IDisposable> open = [];
    private readonly List<TestTarget> targets = [];
    private MigrationRelay? relay;
    private Task running = Task.CompletedTask;

    private MigrationRelay Relay => relay!;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_target_gets_every_byte_whatever_the_pieces(int seed)
    {
        using Socket source = await StartAsync(2, new ReplicaBudget());
        Random random = new(seed);
        byte[] stream = new byte[5_000_000];
        random.NextBytes(stream);
        Task<byte[]>[] read = [.. targets.Select(target => ReadToEndAsync(target.Socket))];

        for (int sent = 0; sent < stream.Length;)
        {
            int length = Math.Min(stream.Length - sent, 1 + random.Next(random.Next(2) == 0 ? 100 : 400_000));
            await source.SendAsync(stream.AsMemory(sent, length), deadline.Token);
            sent += length;
        }

        source.Shutdown(SocketShutdown.Send);
        foreach (Task<byte[]> one in read)
        {
            byte[] got = await one;
            Assert.True(stream.AsSpan().SequenceEqual(got));
        }

        Assert.Equal([5_000_000L, 5_000_000L], Relay.ReadProgress().Select(one => one.BytesTaken));
    }

    [Fact]
    public async Task When_a_target_dies_in_mid_stream_the_other_gets_all()
    {
        using Socket source = await StartAsync(2, new ReplicaBudget());
        byte[] half = new byte[1_000_000];
        Random.Shared.NextBytes(half);
        Task<byte[]> read = ReadToEndAsync(targets[1].Socket);
        await source.SendAsync(half, deadline.Token);
        await HoldsAsync(() => Relay.ReadProgress()[0].BytesTaken > 0);

        targets[0].Socket.Close();
        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        await source.SendAsync(half, deadline.Token);
        source.Shutdown(SocketShutdown.Send);

        byte[] got = await read;
        Assert.True(got.AsSpan().SequenceEqual((byte[])[.. half, .. half]));
        Assert.Null(Relay.ReadProgress()[1].Dropped);
    }

    [Fact]
    public async Task A_target_that_does_not_read_is_dropped_when_its_buffer_is_full_and_does_not_hold_up_the_source()
    {
        using Socket source = await StartAsync(2, new ReplicaBudget { BufferBytes = 1 << 20 });
        byte[] piece = new byte[256 << 10];
        const int Pieces = 256; // far more than all buffers of the system

        for (int i = 0; i < Pieces; i++)
        {
            await source.SendAsync(piece, deadline.Token);
            await ExpectAsync(targets[1].Socket, piece);
        }

        ReplicaProgress stuck = Relay.ReadProgress()[0];
        Assert.Contains("buffer of 1048576 bytes", stuck.Dropped, StringComparison.Ordinal);
        Assert.True(stuck.BytesTaken < (long)piece.Length * Pieces / 2, $"{stuck.BytesTaken}");
        Assert.Null(Relay.ReadProgress()[1].Dropped);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_target_that_says_too_early_that_it_has_all_and_reads_no_more_has_no_more_room_than_another(int number)
    {
        using Socket source = await StartAsync(number, new ReplicaBudget { BufferBytes = 1 << 20 });
        await targets[0].Socket.SendAsync(ShutOk, deadline.Token);
        await HoldsAsync(() => Relay.Complete.Count == 1);
        byte[] piece = new byte[256 << 10];

        for (int i = 0; i < 256 && Relay.ReadProgress()[0].Dropped is null; i++)
        {
            await source.SendAsync(piece, deadline.Token);
            if (number == 2)
            {
                await ExpectAsync(targets[1].Socket, piece);
            }
        }

        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        Assert.Contains("while more of it was to come", Relay.ReadProgress()[0].Dropped, StringComparison.Ordinal);
        Assert.Empty(Relay.Complete);
        Assert.Equal(number == 1, Relay.NoneLeft.IsCompleted);
    }

    [Fact]
    public async Task The_last_one_left_is_waited_for()
    {
        using Socket source = await StartAsync(2, new ReplicaBudget { BufferBytes = 1 << 20 });
        targets[0].Socket.Close();
        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        const long Bytes = 64L << 20;

        Task sending = SendZerosAsync(source, Bytes);
        await HoldsAsync(() => IsFull(source)); // the source is held up now
        Assert.False(sending.IsCompleted);
        Assert.Null(Relay.ReadProgress()[1].Dropped);

        Task<long> read = CountToEndAsync(targets[1].Socket);
        await sending;
        source.Shutdown(SocketShutdown.Send);
        Assert.Equal(Bytes, await read);
    }

    [Fact]
    public async Task The_longest_return_path_is_forwarded_once()
    {
        using Socket source = await StartAsync(2, new ReplicaBudget());

        await targets[0].Socket.SendAsync(Pong, deadline.Token);
        await ExpectAsync(source, Pong);
        await targets[1].Socket.SendAsync((byte[])[.. Pong, .. Pong, .. ShutOk], deadline.Token);
        await ExpectAsync(source, [.. Pong, .. ShutOk]);
        await targets[0].Socket.SendAsync((byte[])[.. Pong, .. ShutOk], deadline.Token);
        await HoldsAsync(() => Relay.Complete.Count == 2);

        Assert.Equal([1, 0], Relay.Complete);
        await EndAsync(source);
        Assert.Equal(0, await source.ReceiveAsync(new byte[1], deadline.Token));
    }

    [Fact]
    public async Task When_the_speaker_dies_within_a_message_another_one_says_it_whole()
    {
        using Socket source = await StartAsync(2, new ReplicaBudget());
        await targets[0].Socket.SendAsync((byte[])[.. Pong, .. ShutOk[..5]], deadline.Token);
        await ExpectAsync(source, Pong);

        targets[0].Socket.Close();
        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        await targets[1].Socket.SendAsync((byte[])[.. Pong, .. ShutOk], deadline.Token);

        await ExpectAsync(source, ShutOk);
        Assert.Equal([1], Relay.Complete);
    }

    [Fact]
    public async Task A_SHUT_is_seen_also_when_it_comes_byte_by_byte_and_not_where_it_is_part_of_another_message()
    {
        using Socket source = await StartAsync(1, new ReplicaBudget());
        byte[] bitmap = [0, 5, 0, 8, .. ShutOk];
        await targets[0].Socket.SendAsync(bitmap, deadline.Token);
        await ExpectAsync(source, bitmap);
        Assert.Empty(Relay.Complete);

        targets[0].Socket.NoDelay = true;
        foreach (byte one in ShutOk)
        {
            await targets[0].Socket.SendAsync((byte[])[one], deadline.Token);
        }

        await ExpectAsync(source, ShutOk);
        Assert.Equal([0], Relay.Complete);
        Assert.True(Relay.ReadProgress()[0].HasAll);
    }

    [Fact]
    public async Task A_target_that_could_not_load_the_state_is_dropped_and_the_source_does_not_hear_it()
    {
        using Socket source = await StartAsync(2, new ReplicaBudget());
        await targets[0].Socket.SendAsync(ShutError, deadline.Token);
        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        await targets[1].Socket.SendAsync(ShutOk, deadline.Token);

        await ExpectAsync(source, ShutOk);
        Assert.Equal("it could not load the state (error -22)", Relay.ReadProgress()[0].Dropped);
        Assert.Equal([1], Relay.Complete);
    }

    [Fact]
    public async Task A_target_that_answers_differently_is_dropped()
    {
        using Socket source = await StartAsync(2, new ReplicaBudget());
        await targets[0].Socket.SendAsync(Pong, deadline.Token);
        await ExpectAsync(source, Pong);
        await targets[1].Socket.SendAsync(ShutOk, deadline.Token);

        await HoldsAsync(() => Relay.ReadProgress()[1].Dropped is not null);
        Assert.Empty(Relay.Complete);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_source_that_ends_before_any_target_has_the_whole_state_is_no_failure_of_the_targets(bool isReset)
    {
        using Socket source = await StartAsync(2, new ReplicaBudget());
        await source.SendAsync(Pong, deadline.Token);
        await HoldsAsync(() => Relay.ReadProgress().All(one => one.BytesTaken == Pong.Length));

        source.LingerState = new LingerOption(isReset, 0);
        source.Close();
        Assert.Equal(Pong.Length, (await ReadToEndAsync(targets[0].Socket)).Length);
        await targets[0].Socket.SendAsync(ShutError, deadline.Token); // what it was sent cannot be loaded
        targets.ForEach(target => target.Socket.Close());
        await running.WaitAsync(deadline.Token);

        Assert.All(Relay.ReadProgress(), one => Assert.Null(one.Dropped));
        Assert.False(Relay.NoneLeft.IsCompleted);
        Assert.Equal(isReset, Relay.SourceLoss is not null);
        Assert.False(Relay.IsSourceDeaf); // it did not leave anything unacknowledged for long
    }

    [Fact]
    public async Task With_no_target_left_the_connection_of_the_source_is_closed()
    {
        using Socket source = await StartAsync(2, new ReplicaBudget());

        targets.ForEach(target => target.Socket.Close());

        Assert.Equal(0, await source.ReceiveAsync(new byte[1], deadline.Token));
        await running.WaitAsync(deadline.Token);
        Assert.True(Relay.NoneLeft.IsCompleted);
    }

    [Fact]
    public async Task Targets_that_cannot_be_reached_are_dropped_and_then_the_source_is_turned_away()
    {
        using Socket vacant = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        vacant.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // listens not
        relay = new MigrationRelay(IPAddress.Loopback, IPAddress.IsLoopback, [("k2", vacant.LocalEndPoint!)], new ReplicaBudget(), HearingPatience, time);

        await relay.RunAsync(deadline.Token);

        Assert.Contains("cannot be reached", Relay.ReadProgress()[0].Dropped, StringComparison.Ordinal);
        using Socket source = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(() => source.ConnectAsync(Relay.EndPoint));
    }

    [Fact]
    public async Task Only_the_source_may_connect_and_only_once()
    {
        bool isAllowed = false;
        Start(1, new ReplicaBudget(), _ => isAllowed);
        using (Socket stranger = await ConnectAsync())
        {
            Assert.Equal(0, await stranger.ReceiveAsync(new byte[1], deadline.Token));
        }

        Assert.Equal(IPAddress.Loopback, Relay.Refused);
        isAllowed = true;
        using Socket source = await ConnectAsync();
        await source.SendAsync(Pong, deadline.Token);
        await targets[0].AcceptAsync(deadline.Token);
        await ExpectAsync(targets[0].Socket, Pong);
        await Assert.ThrowsAsync<SocketException>(ConnectAsync);
    }

    [Fact]
    public async Task One_that_takes_more_than_its_limit_of_bytes_is_dropped()
    {
        using Socket source = await StartAsync(1, new ReplicaBudget { ByteLimit = 100_000 });
        Task<long> read = CountToEndAsync(targets[0].Socket);

        await source.SendAsync(new byte[100_000], deadline.Token);
        await HoldsAsync(() => Relay.ReadProgress()[0].BytesTaken == 100_000);
        Assert.Null(Relay.ReadProgress()[0].Dropped);
        await source.SendAsync(new byte[1], deadline.Token);

        await running.WaitAsync(deadline.Token);
        Assert.Contains("100000 bytes", Relay.ReadProgress()[0].Dropped, StringComparison.Ordinal);
        await IgnoreAsync(read);
    }

    [Fact]
    public async Task After_the_time_limit_all_that_do_not_have_the_whole_state_are_dropped()
    {
        using Socket source = await StartAsync(2, new ReplicaBudget { TimeLimit = TimeSpan.FromSeconds(30) });
        await targets[1].Socket.SendAsync(ShutOk, deadline.Token);
        await ExpectAsync(source, ShutOk);

        time.Advance(TimeSpan.FromSeconds(29));
        Assert.Null(Relay.ReadProgress()[0].Dropped);
        time.Advance(TimeSpan.FromSeconds(1));

        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        Assert.Contains("30 s", Relay.ReadProgress()[0].Dropped, StringComparison.Ordinal);
        Assert.Null(Relay.ReadProgress()[1].Dropped);
    }

    [Fact]
    public async Task One_that_takes_too_little_on_average_is_dropped_but_not_while_nothing_waits_for_it()
    {
        using Socket source = await StartAsync(
            1, new ReplicaBudget { MinimumBytesPerSecond = 1_000, ProgressWindow = TimeSpan.FromSeconds(2), BufferBytes = 1 << 20 });
        await time.WaitingAsync(TimeSpan.FromSeconds(0.5));
        for (int i = 0; i < 20; i++)
        {
            Assert.Null(Relay.ReadProgress()[0].Dropped);
            time.Advance(TimeSpan.FromSeconds(0.5));
            await time.WaitingAsync(TimeSpan.FromSeconds(0.5));
        }

        Task sending = SendZerosAsync(source, 64 << 20);
        await HoldsAsync(() => IsFull(source));
        while (Relay.ReadProgress()[0].Dropped is null)
        {
            deadline.Token.ThrowIfCancellationRequested();
            time.Advance(TimeSpan.FromSeconds(0.5));
            await Task.Yield();
        }

        Assert.Contains("less than 1000 bytes a second", Relay.ReadProgress()[0].Dropped, StringComparison.Ordinal);
        await running.WaitAsync(deadline.Token);
        await IgnoreAsync(sending);
    }

    [Fact]
    public async Task Cancelling_closes_everything()
    {
        using Socket source = await StartAsync(2, new ReplicaBudget());
        await source.SendAsync(Pong, deadline.Token);
        await ExpectAsync(targets[0].Socket, Pong);
        await ExpectAsync(targets[1].Socket, Pong);

        await stop.CancelAsync();

        await running.WaitAsync(deadline.Token);
        Assert.Equal(0, await source.ReceiveAsync(new byte[1], deadline.Token));
        foreach (TestTarget target in targets)
        {
            Assert.Equal(0, await target.Socket.ReceiveAsync(new byte[1], deadline.Token));
        }
    }

    [Fact]
    public async Task Cancelling_before_the_source_has_come_ends_it_too()
    {
        Start(2, new ReplicaBudget(), IPAddress.IsLoopback);

        await stop.CancelAsync();

        await running.WaitAsync(deadline.Token);
        await Assert.ThrowsAsync<SocketException>(ConnectAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running.WaitAsync(TimeSpan.FromSeconds(60));
        relay?.Dispose();
        targets.ForEach(target => target.Dispose());
        open.ForEach(one => one.Dispose());
        stop.Dispose();
        deadline.Dispose();
    }

    private void Start(int count, ReplicaBudget budget, Func<IPAddress, bool> isSource)
    {
        targets.AddRange(Enumerable.Range(0, count).Select(_ => new TestTarget()));
        relay = new MigrationRelay(IPAddress.Loopback, isSource, targets.Select((target, i) => ($"k{i + 2}", target.EndPoint)), budget, HearingPatience, time);
        running = relay.RunAsync(stop.Token);
    }

    /// <summary>Returns the source's end. Everybody is connected.</summary>
    private async Task<Socket> StartAsync(int count, ReplicaBudget budget)
    {
        Start(count, budget, IPAddress.IsLoopback);
        foreach (TestTarget target in targets)
        {
            await target.AcceptAsync(deadline.Token);
        }

        return await ConnectAsync();
    }

    private async Task<Socket> ConnectAsync()
    {
        Socket source = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        open.Add(source);
        await source.ConnectAsync(Relay.EndPoint, deadline.Token);
        return source;
    }

    private async Task EndAsync(Socket source)
    {
        source.Shutdown(SocketShutdown.Send);
        targets.ForEach(target => target.Socket.Close());
        await running.WaitAsync(deadline.Token);
    }

    private async Task SendZerosAsync(Socket socket, long bytes)
    {
        byte[] zeros = new byte[1 << 20];
        for (long sent = 0; sent < bytes; sent += zeros.Length)
        {
            await socket.SendAsync(zeros, deadline.Token);
        }
    }

    /// <summary>Nothing more can be sent, as the other side does not read.</summary>
    private static bool IsFull(Socket socket) => !socket.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectWrite);

    private async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        using MemoryStream all = new();
        byte[] buffer = new byte[100_000];
        while (await socket.ReceiveAsync(buffer, deadline.Token) is var length and > 0)
        {
            all.Write(buffer, 0, length);
        }

        return all.ToArray();
    }

    private async Task<long> CountToEndAsync(Socket socket)
    {
        long count = 0;
        byte[] buffer = new byte[1 << 20];
        while (await socket.ReceiveAsync(buffer, deadline.Token) is var length and > 0)
        {
            count += length;
        }

        return count;
    }

    private async Task ExpectAsync(Socket socket, byte[] expected)
    {
        byte[] heard = new byte[expected.Length];
        for (int length = 0; length < heard.Length;)
        {
            int more = await socket.ReceiveAsync(heard.AsMemory(length), deadline.Token);
            Assert.NotEqual(0, more);
            length += more;
        }

        Assert.Equal(expected, heard);
    }

    private async Task HoldsAsync(Func<bool> condition)
    {
        while (!condition())
        {
            deadline.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static async Task IgnoreAsync(Task task)
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

    private sealed class TestTarget : IDisposable
    {
        private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        public TestTarget()
        {
            listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            listener.Listen();
        }

        public EndPoint EndPoint => listener.LocalEndPoint!;

        public Socket Socket { get; private set; } = null!;

        public async Task AcceptAsync(CancellationToken cancellationToken) => Socket = await listener.AcceptAsync(cancellationToken);

        public void Dispose()
        {
            listener.Dispose();
            Socket?.Dispose();
        }
    }
}
