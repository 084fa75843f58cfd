using System.Net.Sockets;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Relaying;

/// <summary>What the source hears of what the targets say.</summary>
public sealed class RelayReturnPathTests : RelayTest
{
    [Fact]
    public async Task The_longest_return_path_is_forwarded_once()
    {
        using var source = await StartAsync(2, new ReplicaBudget());

        await Targets[0].Socket.SendAsync(Pong, Deadline);
        await ExpectAsync(source, Pong);
        await Targets[1].Socket.SendAsync((byte[])[.. Pong, .. Pong, .. ShutOk], Deadline);
        await ExpectAsync(source, [.. Pong, .. ShutOk]);
        await Targets[0].Socket.SendAsync((byte[])[.. Pong, .. ShutOk], Deadline);
        await HoldsAsync(() => Relay.Complete.Count == 2);

        Assert.Equal([1, 0], Relay.Complete);
        await EndAsync(source);
        Assert.Equal(0, await source.ReceiveAsync(new byte[1], Deadline));
    }

    [Fact]
    public async Task When_the_speaker_dies_within_a_message_another_one_says_it_whole()
    {
        using var source = await StartAsync(2, new ReplicaBudget());
        await Targets[0].Socket.SendAsync((byte[])[.. Pong, .. ShutOk[..5]], Deadline);
        await ExpectAsync(source, Pong);

        Targets[0].Socket.Close();
        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        await Targets[1].Socket.SendAsync((byte[])[.. Pong, .. ShutOk], Deadline);

        await ExpectAsync(source, ShutOk);
        Assert.Equal([1], Relay.Complete);
    }

    [Fact]
    public async Task A_SHUT_is_seen_also_when_it_comes_byte_by_byte_and_not_where_it_is_part_of_another_message()
    {
        using var source = await StartAsync(1, new ReplicaBudget());
        byte[] bitmap = [0, 5, 0, 8, .. ShutOk];
        await Targets[0].Socket.SendAsync(bitmap, Deadline);
        await ExpectAsync(source, bitmap);
        Assert.Empty(Relay.Complete);

        Targets[0].Socket.NoDelay = true;
        foreach (var one in ShutOk)
        {
            await Targets[0].Socket.SendAsync((byte[])[one], Deadline);
        }

        await ExpectAsync(source, ShutOk);
        Assert.Equal([0], Relay.Complete);
        Assert.True(Relay.ReadProgress()[0].HasAll);
    }

    [Fact]
    public async Task A_target_that_could_not_load_the_state_is_dropped_and_the_source_does_not_hear_it()
    {
        using var source = await StartAsync(2, new ReplicaBudget());
        await Targets[0].Socket.SendAsync(ShutError, Deadline);
        await HoldsAsync(() => Relay.ReadProgress()[0].Dropped is not null);
        await Targets[1].Socket.SendAsync(ShutOk, Deadline);

        await ExpectAsync(source, ShutOk);
        Assert.Equal("it could not load the state (error -22)", Relay.ReadProgress()[0].Dropped);
        Assert.Equal([1], Relay.Complete);
    }

    [Fact]
    public async Task A_target_that_answers_differently_is_dropped()
    {
        using var source = await StartAsync(2, new ReplicaBudget());
        await Targets[0].Socket.SendAsync(Pong, Deadline);
        await ExpectAsync(source, Pong);
        await Targets[1].Socket.SendAsync(ShutOk, Deadline);

        await HoldsAsync(() => Relay.ReadProgress()[1].Dropped is not null);
        Assert.Empty(Relay.Complete);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_source_that_ends_before_any_target_has_the_whole_state_is_no_failure_of_theTargets(bool isReset)
    {
        using var source = await StartAsync(2, new ReplicaBudget());
        await source.SendAsync(Pong, Deadline);
        await HoldsAsync(() => Relay.ReadProgress().All(one => one.BytesTaken == Pong.Length));

        source.LingerState = new LingerOption(isReset, 0);
        source.Close();
        Assert.Equal(Pong.Length, (await ReadToEndAsync(Targets[0].Socket)).Length);
        await Targets[0].Socket.SendAsync(ShutError, Deadline); // what it was sent cannot be loaded
        Targets.ForEach(target => target.Socket.Close());
        await Running.WaitAsync(Deadline);

        Assert.All(Relay.ReadProgress(), one => Assert.Null(one.Dropped));
        Assert.False(Relay.NoneLeft.IsCompleted);
        Assert.Equal(isReset, Relay.SourceLoss is not null);
        Assert.False(Relay.IsSourceDeaf); // it did not leave anything unacknowledged for long
    }
}
