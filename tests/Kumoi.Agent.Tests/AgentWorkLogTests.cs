using Kumoi.Agents;
using Xunit;

namespace Kumoi.Agent.Tests;

public sealed class AgentWorkLogTests : AgentTest
{
    [Fact]
    public async Task Of_two_who_have_read_the_same_one_gives_and_the_other_finds_out()
    {
        await using var journal = Journal();
        var one = new AgentWorkLog(journal, Time);
        var two = new AgentWorkLog(journal, Time);
        await one.ReadAsync(default);
        await two.ReadAsync(default);
        Assert.True(await one.TryGiveAsync(AgentWorkKind.Scaling, "web", """{"a":1}""", default));
        Assert.False(await two.TryGiveAsync(AgentWorkKind.Scaling, "web", """{"a":2}""", default));
        Assert.Equal("""{"a":1}""", Assert.Single(two.Items).Order);
    }

    [Fact]
    public async Task What_an_agent_begins_with_cannot_be_taken_behind_its_back()
    {
        await using var journal = Journal();
        var agent = new AgentWorkLog(journal, Time);
        var session = new AgentWorkLog(journal, Time);
        await agent.TryGiveAsync(AgentWorkKind.Scaling, "web", "{}", default);
        await session.ReadAsync(default);
        await agent.BeginAsync(default);
        // What the session had read is not the last word: it looks again, and then it sees who has begun.
        Assert.False(await session.TryTakeAsync(AgentWorkKind.Scaling, "web", () => session.Agent is not { IsAlive: true }, default));
        Assert.Equal(Environment.ProcessId, session.Agent!.ProcessId);
    }

    [Fact]
    public async Task Nothing_is_written_where_there_is_nothing_to_begin_with()
    {
        await using var journal = Journal();
        await new AgentWorkLog(journal, Time).BeginAsync(default);
        Assert.False(File.Exists(journal.Location));
    }

    [Fact]
    public async Task An_event_that_a_newer_version_wrote_is_left_alone()
    {
        await using var journal = Journal();
        foreach (var data in new[] { """{"step":"Given","work":"Weather","name":"x","order":{}}""", """{"step":7}""", "[]", "{}" })
        {
            await journal.AppendAsync(
                new KumoiEvent { At = Time.GetUtcNow(), Kind = KumoiEventKind.Agent, Message = "newer", Data = data }, default);
        }

        var log = new AgentWorkLog(journal, Time);
        Assert.True(await log.TryGiveAsync(AgentWorkKind.Usage, "usage", "{}", default));
        Assert.Single(log.Items);
    }
}
