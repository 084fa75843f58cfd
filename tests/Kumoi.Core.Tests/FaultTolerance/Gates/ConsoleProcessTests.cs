using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Kumoi.FaultTolerance.Gates;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Gates;

/// <summary>The end of a QEMU, as its console's gate sees it. Perl stands for QEMU: any process with libvirt's options.</summary>
public sealed class ConsoleProcessTests : IDisposable
{
    private const string Perl = "/usr/bin/perl";

    // Says hello at the console, closes it when it is told so, and ends with its standard input.
    private const string Console =
        "$| = 1; $s = IO::Socket::UNIX->new(Peer => shift) or die; print $s qq(hello); $s->flush; "
        + "while (<STDIN>) { close $s; print qq(closed\\n); }";

    // Writes bytes one by one for each line of its standard input, as a serial port does, until no more are taken, and says how many were.
    private const string Filler =
        "$| = 1; $s = IO::Socket::UNIX->new(Peer => shift) or die; $s->blocking(0); "
        + "while (<STDIN>) { $n = 0; $n++ while defined syswrite($s, q(x)); print qq($n\n); }";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-gate-");
    private readonly List<Process> _started = [];
    private readonly ConsoleLog _log;
    private readonly ConsoleGate _gate;

    public ConsoleProcessTests()
    {
        _log = new ConsoleLog(Path.Combine(_folder.FullName, "console.log"));
        _gate = new ConsoleGate(SocketPath, _log, from: 0, maxHeldBytes: 1 << 20);
    }

    private string SocketPath => Path.Combine(_folder.FullName, "console.sock");

    public void Dispose()
    {
        foreach (var process in _started)
        {
            process.Kill();
            process.Dispose();
        }

        _gate.Dispose();
        _log.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task The_end_of_the_QEMU_at_a_console_is_known_with_its_domain()
    {
        var domain = Guid.NewGuid();
        var qemu = Start("-uuid", domain.ToString(), "-uuid", Guid.NewGuid().ToString()); // the second is what its guest sees
        await HasHeldAsync("hello".Length);
        Assert.False(_gate.ProcessEnded.IsCompleted);

        qemu.Kill();

        Assert.Equal(domain, await _gate.ProcessEnded.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_console_that_a_living_QEMU_closes_is_not_its_end()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var path = Path.Combine(_folder.FullName, "another.sock");
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var qemu = StartAt(path, "-uuid", Guid.NewGuid().ToString());
        using var console = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        using var process = ConsoleProcess.Of(console);
        Assert.NotNull(process);

        await qemu.StandardInput.WriteLineAsync("close it");
        await qemu.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);

        Assert.False(process.WaitForEnd(TimeSpan.Zero));
        qemu.Kill();
        Assert.True(process.WaitForEnd(TimeSpan.FromMinutes(1)));
    }

    [Theory]
    [InlineData]
    [InlineData("-name", "web1")]
    [InlineData("-uuid")]
    [InlineData("-uuid", "no id")]
    public async Task The_end_of_another_program_is_nothing_to_a_pair(params string[] arguments)
    {
        var other = Start(arguments);
        await HasHeldAsync("hello".Length);
        other.Kill();
        await other.WaitForExitAsync(TestContext.Current.CancellationToken);

        // If it were taken for one, it would be so before the QEMU that comes after it.
        var domain = Guid.NewGuid();
        var qemu = Start("-uuid", domain.ToString());
        await HasHeldAsync(2 * "hello".Length);
        qemu.Kill();
        Assert.Equal(domain, await _gate.ProcessEnded.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
    }

    /// <summary>A guest that is recorded must never find it full, and its reader may have to wait for a processor.</summary>
    [Fact]
    public async Task A_console_that_was_given_room_takes_many_bytes_one_by_one_while_nobody_reads_them()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var path = Path.Combine(_folder.FullName, "another.sock");
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        var qemu = RunAt(Filler, path, "-uuid", Guid.NewGuid().ToString());
        using var console = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        using var process = ConsoleProcess.Of(console);
        Assert.NotNull(process);
        Assert.False(process.GiveRoom(SocketPath)); // to no other of its sockets
        var before = await FillAsync(qemu);

        Assert.SkipUnless(process.GiveRoom(path), "another process's socket is only for root, or where ptrace_scope is 0");
        Assert.InRange(await FillAsync(qemu), Environment.IsPrivilegedProcess ? 20_000 : before / 2, int.MaxValue);
    }

    private static async Task<int> FillAsync(Process qemu)
    {
        await qemu.StandardInput.WriteLineAsync("fill it");
        return int.Parse(
            (await qemu.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!, CultureInfo.InvariantCulture);
    }

    private Process Start(params string[] arguments) => StartAt(SocketPath, arguments);

    private Process StartAt(string socket, params string[] arguments) => RunAt(Console, socket, arguments);

    private Process RunAt(string script, string socket, params string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux tells the end of another's process (pidfd)");
        Assert.SkipUnless(File.Exists(Perl), $"no {Perl}: apt-get install perl-base");
        var process = Process.Start(new ProcessStartInfo(Perl, ["-MIO::Socket::UNIX", "-e", script, "--", socket, .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        process.StandardInput.AutoFlush = true;
        _started.Add(process);
        return process;
    }

    private async Task HasHeldAsync(int count)
    {
        while (_gate.Drain() < count)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
