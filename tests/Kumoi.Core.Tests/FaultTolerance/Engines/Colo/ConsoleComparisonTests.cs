using System.Net.Sockets;
using System.Text;
using Kumoi.FaultTolerance.Engines.Colo;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Protocols;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.Colo;

public sealed class ConsoleComparisonTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-cmp-");
    private readonly ManualTime _time = new();
    private readonly ConsoleLog _log;
    private readonly ConsoleGate _gate;
    private readonly Socket _console = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public ConsoleComparisonTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the console is a Unix socket");
        _log = new ConsoleLog(PathOf("console.log"));
        _gate = new ConsoleGate(PathOf("console.sock"), _log, from: 0, maxHeldBytes: 1 << 20);
        _console.Connect(new UnixDomainSocketEndPoint(PathOf("console.sock")));
    }

    public void Dispose()
    {
        _console.Dispose();
        _gate.Dispose();
        _log.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task What_both_have_put_out_goes_out_and_the_rest_is_held()
    {
        await PrimaryPutsOutAsync("old C1 C2 C3");
        _gate.Release(4);
        StandbyPutsOut("its own past C1 C2");
        var comparison = new ConsoleComparison(_gate, new StandbyLog(_folder.FullName), Mark(cut: 4, standby: 13), _time);

        Assert.True(comparison.Look());
        Assert.Equal("old C1 C2", Out());
        StandbyPutsOut(" C3 C4");
        Assert.True(comparison.Look());
        Assert.Equal("old C1 C2 C3", Out()); // the standby may be ahead
    }

    [Fact]
    public async Task What_differs_is_held_and_said_and_what_is_before_it_goes_out()
    {
        await PrimaryPutsOutAsync("C1 C2 C3");
        StandbyPutsOut("C1 C2 D3");
        Assert.False(new ConsoleComparison(_gate, new StandbyLog(_folder.FullName), Mark(0, 0), _time).Look());
        Assert.Equal("C1 C2 ", Out());
    }

    [Fact]
    public async Task One_that_lags_for_too_long_is_as_different()
    {
        await PrimaryPutsOutAsync("C1");
        var comparison = new ConsoleComparison(_gate, new StandbyLog(_folder.FullName), Mark(0, 0), _time);
        Assert.True(comparison.Look());
        _time.Advance(ConsoleComparison.Patience);
        Assert.False(comparison.Look());
        Assert.Equal("", Out());
    }

    private static CheckpointMark Mark(long cut, long standby) => new(1, cut) { Standby = 0, StandbyOutput = standby };

    private async Task PrimaryPutsOutAsync(string text)
    {
        await _gate.Connected;
        await _console.SendAsync(Encoding.ASCII.GetBytes(text));
        Assert.Equal(text.Length, _gate.Drain());
    }

    private void StandbyPutsOut(string text) => File.AppendAllText(PathOf("console-ck0.log"), text);

    private string Out()
    {
        using var file = new FileStream(PathOf("console.log"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);
}
