using System.Net.Sockets;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Relaying;

/// <summary>Which target is given up, and when.</summary>
public sealed class RelayBudgetTests : RelayTest
{
    [Fact]
    public async Task A_target_that_does_not_read_is_dropped_when_its_buffer_is_full_and_does_not_hold_up_the_source()
    {
        using var source = await StartAsync(2, new ReplicaBudget { BufferBytes = 1 << 20 });
        var piece = new byte[256 << 10];
        const int Pieces = 256; // far more than all buffers of the system

        for (var i = 0; i < Pieces; i++)
        {
            await source.SendAsync(piece, Deadline);
            await ExpectAsync(Targets[1].Socket, piece);
        }

        var stuck = Relay.ReadProgress()[0];
        Assert.Contains("buffer of 1048576 bytes", stuck.Dropped, StringComparison.Ordinal);
        Assert.True(stuck.BytesTaken < (long)piece.Length * Pieces / 2, $"{stuck.BytesTaken}");
        Assert.Null(Relay.ReadProgress()[1].Dropped);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_target_that_says_too_early_that_it_has_all_and_reads_no_more_has_no_more_room_than_another(int number)
    {
        using var source = await StartAsync(number, new ReplicaBudget { BufferBytes = 1 << 20 });
        await Targets[0].Socket.SendAsync(ShutOk, Deadline);
        await HoldsAsync(() => Relay.Complete.Count == 1);
        var piece = new byte[256 << 10];

        for (var i = 0; i < 256 && Relay.ReadProgress()[0].Dropped is null; i++)
        {
            var sending = source.SendAsync(piece, Deadline).AsTask();
            if (number == 2)
            {
                await sending;
                await ExpectAsync(Targets[1].Socket, piece);
            }
            else
            {
                await IgnoreAsync(sending); // with its only target the relay gives up the source too, perhaps just now
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
        using var source = await StartAsync(2, new ReplicaBudget { BufferBytes = 1 << 20 });
        Targets[0].Socket.Close();
        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        const long Bytes = 64L << 20;

        var sending = SendZerosAsync(source, Bytes);
        await HoldsAsync(() => IsFull(source)); // the source is held up now
        Assert.False(sending.IsCompleted);
        Assert.Null(Relay.ReadProgress()[1].Dropped);

        var read = CountToEndAsync(Targets[1].Socket);
        await sending;
        source.Shutdown(SocketShutdown.Send);
        Assert.Equal(Bytes, await read);
    }

    [Fact]
    public async Task One_that_takes_more_than_its_limit_of_bytes_is_dropped()
    {
        using var source = await StartAsync(1, new ReplicaBudget { ByteLimit = 100_000 });
        var read = CountToEndAsync(Targets[0].Socket);

        await source.SendAsync(new byte[100_000], Deadline);
        await HoldsAsync(() => Relay.ReadProgress()[0].BytesTaken == 100_000);
        Assert.Null(Relay.ReadProgress()[0].Dropped);
        await source.SendAsync(new byte[1], Deadline);

        await Running.WaitAsync(Deadline);
        Assert.Contains("100000 bytes", Relay.ReadProgress()[0].Dropped, StringComparison.Ordinal);
        await IgnoreAsync(read);
    }

    [Fact]
    public async Task After_theTime_limit_all_that_do_not_have_the_whole_state_are_dropped()
    {
        using var source = await StartAsync(2, new ReplicaBudget { TimeLimit = TimeSpan.FromSeconds(30) });
        await Targets[1].Socket.SendAsync(ShutOk, Deadline);
        await ExpectAsync(source, ShutOk);

        Time.Advance(TimeSpan.FromSeconds(29));
        Assert.Null(Relay.ReadProgress()[0].Dropped);
        Time.Advance(TimeSpan.FromSeconds(1));

        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        Assert.Contains("30 s", Relay.ReadProgress()[0].Dropped, StringComparison.Ordinal);
        Assert.Null(Relay.ReadProgress()[1].Dropped);
    }

    [Fact]
    public async Task One_that_takes_too_little_on_average_is_dropped_but_not_while_nothing_waits_for_it()
    {
        using var source = await StartAsync(
            1, new ReplicaBudget { MinimumBytesPerSecond = 1_000, ProgressWindow = TimeSpan.FromSeconds(2), BufferBytes = 1 << 20 });
        await Time.WaitingAsync(TimeSpan.FromSeconds(0.5));
        for (var i = 0; i < 20; i++)
        {
            Assert.Null(Relay.ReadProgress()[0].Dropped);
            Time.Advance(TimeSpan.FromSeconds(0.5));
            await Time.WaitingAsync(TimeSpan.FromSeconds(0.5));
        }

        var sending = SendZerosAsync(source, 64 << 20);
        await HoldsAsync(() => IsFull(source));
        while (Relay.ReadProgress()[0].Dropped is null)
        {
            Deadline.ThrowIfCancellationRequested();
            Time.Advance(TimeSpan.FromSeconds(0.5));
            await Task.Yield();
        }

        Assert.Contains("less than 1000 bytes a second", Relay.ReadProgress()[0].Dropped, StringComparison.Ordinal);
        await Running.WaitAsync(Deadline);
        await IgnoreAsync(sending);
    }
}
