using System.Diagnostics;
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

    private Process Start(params string[] arguments) => StartAt(SocketPath, arguments);

    private Process StartAt(string socket, params string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux tells the end of another's process (pidfd)");
        Assert.SkipUnless(File.Exists(Perl), $"no {Perl}: apt-get install perl-base");
        var process = Process.Start(new ProcessStartInfo(Perl, ["-MIO::Socket::UNIX", "-e", Console, "--", socket, .. arguments])
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
