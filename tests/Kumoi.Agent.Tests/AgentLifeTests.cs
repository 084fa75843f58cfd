using System.Globalization;
using Kumoi.Agents;
using Xunit;

namespace Kumoi.Agent.Tests;

public sealed class AgentLifeTests : AgentTest
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task An_agent_answers_and_no_port_listens_for_it()
    {
        var before = Listening();
        await StartAsync();
        var status = await Client().FindAsync(default);
        Assert.Equal((AgentVersion.Own, Environment.ProcessId), (status!.Version, status.ProcessId));
        Assert.Equal(before, Listening());
    }

    [Fact]
    public async Task It_ends_when_it_has_had_nothing_to_do_for_long_enough_and_leaves_no_socket()
    {
        var server = await StartAsync(Limit);
        Assert.Equal(0, (await Client().FindAsync(default))!.IdleSec);
        Time.Advance(Limit - TimeSpan.FromSeconds(1));
        Assert.Equal(599, (await Client().FindAsync(default))!.IdleSec);
        Time.Advance(TimeSpan.FromSeconds(1));
        await server.Ended;
        Assert.False(File.Exists(Path.Combine(AgentFolder.Of(Folder), "agent.sock")));
        Assert.Null(await Client().FindAsync(default));
    }

    [Fact]
    public async Task To_be_looked_at_does_not_keep_it_and_to_be_asked_for_something_does()
    {
        var server = await StartAsync(Limit);
        var client = Client();
        Time.Advance(Limit / 2);
        await client.GetAsync("scaling", AgentJson.Default.IReadOnlyListKumoiScaling, AgentClient.AnswerPatience, default);
        Time.Advance((Limit / 2) + TimeSpan.FromSeconds(1));
        Assert.Equal(301, (await client.FindAsync(default))!.IdleSec);
        Time.Advance(Limit / 2);
        await server.Ended;
    }

    [Fact]
    public async Task It_never_ends_by_itself_with_a_limit_of_zero_and_takes_another_limit_while_it_runs()
    {
        var server = await StartAsync(TimeSpan.Zero);
        Time.Advance(TimeSpan.FromDays(100));
        var client = Client();
        Assert.Equal(0, (await client.FindAsync(default))!.IdleLimitSec);
        var told = await client.PostAsync("start?idle=5", AgentJson.Default.AgentStatus, AgentClient.AnswerPatience, default);
        Assert.Equal(5, told.IdleLimitSec);
        Time.Advance(TimeSpan.FromSeconds(5));
        await server.Ended;
    }

    [Fact]
    public async Task It_ends_when_it_is_told_to_and_who_told_it_waits_for_that()
    {
        var server = await StartAsync();
        var client = Client();
        // The lock is the process's; in this process nobody has it.
        await client.StopAsync(Environment.ProcessId, force: false, default);
        await server.Ended;
        Assert.Null(await client.FindAsync(default));
    }

    [Fact]
    public async Task A_socket_that_a_killed_agent_has_left_is_none_that_runs_and_is_replaced()
    {
        using (var folder = AgentFolder.Make(Folder))
        using (var dead = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified))
        {
            dead.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(folder.Socket));
            Assert.Null(await Client().FindAsync(default));
            await StartAsync();
            Assert.NotNull(await Client().FindAsync(default));
        }
    }

    [Fact]
    public async Task It_ends_when_somebody_has_removed_its_folder_since_nobody_finds_it_any_more()
    {
        var server = await StartAsync(TimeSpan.Zero);
        Directory.Move(Folder, Folder + "-elsewhere");
        Time.Advance(TimeSpan.FromSeconds(15));
        await server.Ended;
        Directory.Delete(Folder + "-elsewhere", recursive: true);
    }

    [Fact]
    public async Task A_journal_with_a_path_far_longer_than_a_sockets_has_an_agent_all_the_same()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("Only Linux has a way to a socket with a long path.");
        }

        var deep = Path.Combine([Folder, .. Enumerable.Repeat(new string('d', 60), 4)]);
        using var folder = AgentFolder.Make(deep);
        await using var server = await AgentServer.StartAsync(new AgentSettings(folder, deep) { Drivers = [] });
        using var client = new AgentClient(deep, new AgentProgram("", _ => null));
        Assert.NotNull(await client.FindAsync(default));
    }

    [Fact]
    public async Task An_agent_of_another_version_can_be_looked_at_and_ended_and_gets_no_work()
    {
        var server = await StartAsync(version: "0.0.9+older");
        var client = Client();
        Assert.Equal("0.0.9+older", (await client.FindAsync(default))!.Version);

        var refused = await Assert.ThrowsAsync<AgentException>(() => client.EnsureAsync(null, default));
        Assert.Equal(AgentError.OtherVersion, refused.Error);
        Assert.Contains("0.0.9+older", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Stop-KumoiAgent -Force", refused.RecommendedAction, StringComparison.Ordinal);
        var order = await OrderAsync();
        refused = await Assert.ThrowsAsync<AgentException>(() => client.PostAsync(
            "scaling", order, AgentJson.Default.ScalingOrder, AgentJson.Default.KumoiScaling, AgentClient.AnswerPatience, default));
        Assert.Equal(AgentError.OtherVersion, refused.Error);

        await client.StopAsync(Environment.ProcessId, force: true, default);
        await server.Ended;
    }

    /// <summary>This process's sockets that listen on a port.</summary>
    private static List<string> Listening()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("Which ports a process has is read in Linux's way.");
        }

        const string listening = "0A";
        var own = Directory.GetFiles("/proc/self/fd").Select(path => new FileInfo(path).LinkTarget ?? "")
            .Where(target => target.StartsWith("socket:[", StringComparison.Ordinal)).Select(target => target[8..^1])
            .ToHashSet(StringComparer.Ordinal);
        return
        [
            .. new[] { "tcp", "tcp6", "udp", "udp6" }.Select(kind => string.Create(CultureInfo.InvariantCulture, $"/proc/self/net/{kind}"))
                .Where(File.Exists).SelectMany(File.ReadLines)
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(fields => fields.Length > 9 && fields[3] == listening && own.Contains(fields[9])).Select(fields => fields[1]),
        ];
    }
}
