using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Kumoi.Agent.Http;
using Kumoi.Agents;
using Xunit;

namespace Kumoi.Agent.Tests;

[UnsupportedOSPlatform("windows")]
public sealed class AgentSecurityTests : AgentTest
{
    private const string Nobody = "65534";

    [Fact]
    public async Task The_folder_and_the_socket_are_open_to_their_user_only()
    {
        await StartAsync();
        var folder = AgentFolder.Of(Folder);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(folder, "agent.sock")));
    }

    [Fact]
    public void A_folder_that_others_can_get_into_is_refused_by_agent_and_session()
    {
        AgentFolder.Make(Folder).Dispose();
        File.SetUnixFileMode(AgentFolder.Of(Folder), (UnixFileMode)0x1C5);
        var refused = Assert.Throws<AgentException>(() => AgentFolder.Make(Folder));
        Assert.Equal(AgentError.NotOurs, refused.Error);
        Assert.Contains("705", refused.Message, StringComparison.Ordinal);
        Assert.Equal(AgentError.NotOurs, Assert.Throws<AgentException>(() => AgentFolder.Find(Folder)).Error);
    }

    [Fact]
    public void A_link_or_a_file_in_the_place_of_the_folder_is_refused()
    {
        var elsewhere = Path.Combine(Folder, "elsewhere");
        Directory.CreateDirectory(elsewhere, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.CreateSymbolicLink(AgentFolder.Of(Folder), elsewhere);
        Assert.Equal(AgentError.NotOurs, Assert.Throws<AgentException>(() => AgentFolder.Find(Folder)).Error);
        File.Delete(AgentFolder.Of(Folder));
        File.WriteAllText(AgentFolder.Of(Folder), "");
        Assert.Equal(AgentError.NotOurs, Assert.Throws<AgentException>(() => AgentFolder.Find(Folder)).Error);
    }

    [Fact]
    public async Task A_folder_of_another_user_is_refused()
    {
        EnsureOtherUser();
        AgentFolder.Make(Folder).Dispose();
        await RunAsync("chown", Nobody, AgentFolder.Of(Folder));
        var refused = Assert.Throws<AgentException>(() => AgentFolder.Make(Folder));
        Assert.Equal(AgentError.NotOurs, refused.Error);
        Assert.Contains("uid 65534", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_user_is_cut_off_even_where_the_folder_lets_him_in()
    {
        EnsureOtherUser();
        await StartAsync();
        var socket = Path.Combine(AgentFolder.Of(Folder), "agent.sock");
        // As whoever does not know better might do.
        File.SetUnixFileMode(Folder, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(AgentFolder.Of(Folder), (UnixFileMode)0x1FF);
        File.SetUnixFileMode(socket, (UnixFileMode)0x1FF);

        string[] ask = ["curl", "-s", "-m", "60", "-w", "%{http_code}", "--unix-socket", socket, "http://agent/status"];
        Assert.EndsWith("200", (await RunAsync([.. ask])).Output, StringComparison.Ordinal);
        var (status, output) = await RunAsync(
            ["setpriv", "--reuid", Nobody, "--regid", Nobody, "--clear-groups", .. ask]);
        Assert.NotEqual(0, status);
        Assert.Equal("000", output);
    }

    [Fact]
    public async Task A_process_of_another_user_behind_the_socket_is_not_spoken_to()
    {
        EnsureOtherUser();
        using var folder = AgentFolder.Make(Folder);
        File.SetUnixFileMode(Folder, (UnixFileMode)0x1FF);
        File.SetUnixFileMode(folder.Path, (UnixFileMode)0x1FF);
        using var other = Start(
            "setpriv", "--reuid", Nobody, "--regid", Nobody, "--clear-groups", "python3", "-c",
            $"import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind('{folder.Socket}'); s.listen(); "
                + "print('ready', flush=True); sys.stdin.read()");
        try
        {
            Assert.Equal("ready", await other.StandardOutput.ReadLineAsync());
            File.SetUnixFileMode(folder.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var refused = await Assert.ThrowsAsync<AgentException>(() => Client().FindAsync(default));
            Assert.Equal(AgentError.NotOurs, refused.Error);
        }
        finally
        {
            other.StandardInput.Close();
            await other.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task A_request_that_is_too_large_is_refused_and_the_agent_goes_on()
    {
        await StartAsync(limits: new RequestLimits { BodyBytes = 1000 });
        Assert.Contains("413", await SpeakAsync($"POST /scaling HTTP/1.1\r\n{Head}Content-Length: 1001\r\n\r\n"), StringComparison.Ordinal);
        Assert.Contains(
            "413",
            await SpeakAsync(
                $"POST /scaling HTTP/1.1\r\n{Head}Transfer-Encoding: chunked\r\n\r\n7d0\r\n{new string('x', 2000)}\r\n0\r\n\r\n"),
            StringComparison.Ordinal);
        Assert.Contains(
            "431", await SpeakAsync($"GET /status HTTP/1.1\r\n{Head}X: {new string('x', 10_000)}\r\n\r\n"), StringComparison.Ordinal);
        Assert.Contains(
            "400", await SpeakAsync($"POST /scaling HTTP/1.1\r\n{Head}Content-Length: 3\r\n\r\n{{]}}"), StringComparison.Ordinal);
        Assert.NotNull(await Client().FindAsync(default));
    }

    [Fact]
    public async Task A_client_that_is_too_slow_is_cut_off_in_the_head_and_in_the_body()
    {
        await StartAsync(limits: new RequestLimits { Arrival = TimeSpan.FromMilliseconds(200) });
        // Each returns when the agent has closed the connection; nothing waits for a time of its own.
        Assert.DoesNotContain("200", await SpeakAsync("GET /status HTTP/1.1\r\nHo"), StringComparison.Ordinal);
        Assert.DoesNotContain(
            "200", await SpeakAsync($"POST /scaling HTTP/1.1\r\n{Head}Content-Length: 100\r\n\r\n{{"), StringComparison.Ordinal);
        Assert.NotNull(await Client().FindAsync(default));
    }

    [Fact]
    public async Task More_clients_than_there_are_places_are_cut_off_and_those_inside_are_served()
    {
        await StartAsync(limits: new RequestLimits { Connections = 2 });
        using var one = Connect();
        using var two = Connect();
        await one.SendAsync(Encoding.ASCII.GetBytes($"GET /status HTTP/1.1\r\n{Head}\r\n"));
        await two.SendAsync(Encoding.ASCII.GetBytes($"GET /status HTTP/1.1\r\n{Head}\r\n"));
        var buffer = new byte[4096];
        Assert.True(await one.ReceiveAsync(buffer) > 0);
        Assert.True(await two.ReceiveAsync(buffer) > 0);
        Assert.Equal("", await SpeakAsync($"GET /status HTTP/1.1\r\n{Head}\r\n"));
    }

    private static string Head => $"Host: agent\r\n{AgentClient.VersionHeader}: {AgentVersion.Own}\r\n";

    private static void EnsureOtherUser()
    {
        if (!OperatingSystem.IsLinux() || UnixCalls.EffectiveUser() != 0
            || !Array.TrueForAll(["setpriv", "curl", "python3"], tool => Array.Exists(
                (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), folder => File.Exists(Path.Combine(folder, tool)))))
        {
            Assert.Skip("To act as another user it takes root, setpriv, curl and python3.");
        }
    }

    private static System.Diagnostics.Process Start(params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
            WorkingDirectory = "/",
        };
        // The first python3 of the path may be in a home that another user cannot enter.
        start.Environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        return System.Diagnostics.Process.Start(start)!;
    }

    private static async Task<(int Status, string Output)> RunAsync(params string[] command)
    {
        using var process = Start(command);
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Path.Combine(AgentFolder.Of(Folder), "agent.sock")));
        return socket;
    }

    /// <summary>Says this, and returns all that comes until the agent hangs up; or its answer, if that is whole.</summary>
    private async Task<string> SpeakAsync(string text)
    {
        using var socket = Connect();
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(text));
            while (await socket.ReceiveAsync(buffer) is > 0 and var count)
            {
                answer.Append(Encoding.ASCII.GetString(buffer, 0, count));
                if (answer.ToString().StartsWith("HTTP/1.1 200", StringComparison.Ordinal)
                    || answer.ToString().StartsWith("HTTP/1.1 400", StringComparison.Ordinal))
                {
                    break;
                }
            }
        }
        catch (SocketException)
        {
            // Cut off.
        }

        return answer.ToString();
    }
}
