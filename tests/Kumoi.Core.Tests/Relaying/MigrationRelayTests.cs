using System.Net;
using System.Net.Sockets;
using Kumoi.Hypervisors;
using Kumoi.Relaying;
using Xunit;

namespace Kumoi.Tests.Relaying;

/// <summary>The stream: what every target gets, and how it ends.</summary>
public sealed class MigrationRelayTests : RelayTest
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_target_gets_every_byte_whatever_the_pieces(int seed)
    {
        using var source = await StartAsync(2, new ReplicaBudget());
        var random = new Random(seed);
        var stream = new byte[5_000_000];
        random.NextBytes(stream);
        Task<byte[]>[] read = [.. Targets.Select(target => ReadToEndAsync(target.Socket))];

        for (var sent = 0; sent < stream.Length;)
        {
            var length = Math.Min(stream.Length - sent, 1 + random.Next(random.Next(2) == 0 ? 100 : 400_000));
            await source.SendAsync(stream.AsMemory(sent, length), Deadline);
            sent += length;
        }

        source.Shutdown(SocketShutdown.Send);
        foreach (var one in read)
        {
            var got = await one;
            Assert.True(stream.AsSpan().SequenceEqual(got));
        }

        Assert.Equal([5_000_000L, 5_000_000L], Relay.ReadProgress().Select(one => one.BytesTaken));
    }

    [Fact]
    public async Task When_a_target_dies_in_mid_stream_the_other_gets_all()
    {
        using var source = await StartAsync(2, new ReplicaBudget());
        var half = new byte[1_000_000];
        Random.Shared.NextBytes(half);
        var read = ReadToEndAsync(Targets[1].Socket);
        await source.SendAsync(half, Deadline);
        await HoldsAsync(() => Relay.ReadProgress()[0].BytesTaken > 0);

        Targets[0].Socket.Close();
        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        await source.SendAsync(half, Deadline);
        source.Shutdown(SocketShutdown.Send);

        var got = await read;
        Assert.True(got.AsSpan().SequenceEqual((byte[])[.. half, .. half]));
        Assert.Null(Relay.ReadProgress()[1].Dropped);
    }

    [Fact]
    public async Task With_no_target_left_the_connection_of_the_source_is_closed()
    {
        using var source = await StartAsync(2, new ReplicaBudget());

        Targets.ForEach(target => target.Socket.Close());

        Assert.Equal(0, await source.ReceiveAsync(new byte[1], Deadline));
        await Running.WaitAsync(Deadline);
        Assert.True(Relay.NoneLeft.IsCompleted);
    }

    [Fact]
    public async Task Targets_that_cannot_be_reached_are_dropped_and_then_the_source_is_turned_away()
    {
        using var vacant = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        vacant.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // listens not
        Relay = new MigrationRelay(
            IPAddress.Loopback, IPAddress.IsLoopback, [("k2", vacant.LocalEndPoint!)], new ReplicaBudget(), HearingPatience, Time);

        await Relay.RunAsync(Deadline);

        Assert.Contains("cannot be reached", Relay.ReadProgress()[0].Dropped, StringComparison.Ordinal);
        using var source = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(() => source.ConnectAsync(Relay.EndPoint));
    }

    [Fact]
    public async Task Only_the_source_may_connect_and_only_once()
    {
        var isAllowed = false;
        Start(1, new ReplicaBudget(), _ => isAllowed);
        using (var stranger = await ConnectAsync())
        {
            Assert.Equal(0, await stranger.ReceiveAsync(new byte[1], Deadline));
        }

        Assert.Equal(IPAddress.Loopback, Relay.Refused);
        isAllowed = true;
        using var source = await ConnectAsync();
        await source.SendAsync(Pong, Deadline);
        await Targets[0].AcceptAsync(Deadline);
        await ExpectAsync(Targets[0].Socket, Pong);
        await Assert.ThrowsAsync<SocketException>(ConnectAsync);
    }

    [Fact]
    public async Task Cancelling_closes_everything()
    {
        using var source = await StartAsync(2, new ReplicaBudget());
        await source.SendAsync(Pong, Deadline);
        await ExpectAsync(Targets[0].Socket, Pong);
        await ExpectAsync(Targets[1].Socket, Pong);

        await Stop.CancelAsync();

        await Running.WaitAsync(Deadline);
        Assert.Equal(0, await source.ReceiveAsync(new byte[1], Deadline));
        foreach (var target in Targets)
        {
            Assert.Equal(0, await target.Socket.ReceiveAsync(new byte[1], Deadline));
        }
    }

    [Fact]
    public async Task Cancelling_before_the_source_has_come_ends_it_too()
    {
        Start(2, new ReplicaBudget(), IPAddress.IsLoopback);

        await Stop.CancelAsync();

        await Running.WaitAsync(Deadline);
        await Assert.ThrowsAsync<SocketException>(ConnectAsync);
    }
}
