using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Kumoi.FaultTolerance.Gates;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Gates;

/// <summary>A VM's console at its gate: what goes out, and when.</summary>
public sealed class ConsoleGateTests : IDisposable
{
    private const int Limit = 1 << 20;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-gate-");
    private readonly ConsoleLog _log;
    private readonly List<ConsoleGate> _gates = [];

    public ConsoleGateTests() => _log = new ConsoleLog(LogPath);

    private string LogPath => Path.Combine(_folder.FullName, "console.log");

    private string SocketPath => Path.Combine(_folder.FullName, "console.sock");

    private string Seen
    {
        get
        {
            using var file = new FileStream(LogPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(file, Encoding.ASCII);
            return reader.ReadToEnd();
        }
    }

    public void Dispose()
    {
        _gates.ForEach(static gate => gate.Dispose());
        _log.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task What_a_guest_puts_out_goes_out_only_up_to_the_cut()
    {
        var gate = Gate();
        using var guest = await ConnectAsync();
        guest.Send("covered"u8);
        var cut = await DrainAsync(gate, 7);
        guest.Send("not yet"u8);
        await DrainAsync(gate, 14);

        Assert.Equal("", Seen);
        gate.Release(cut);
        Assert.Equal("covered", Seen);
        Assert.Equal("not yet"u8, gate.Read(14).Output);
    }

    [Fact]
    public async Task Before_the_first_cut_everything_goes_out_at_once_and_after_it_nothing_until_it_counts()
    {
        var gate = Gate();
        gate.Open(true);
        using var guest = await ConnectAsync();
        guest.Send("at once"u8);
        await DrainAsync(gate, 7);
        Assert.Equal("at once", Seen);

        guest.Send(" too"u8);
        var cut = gate.Cut(); // whether it has come by then or not: what comes later is held
        guest.Send(", not yet"u8);
        await DrainAsync(gate, 20);

        Assert.Equal("at once too, not yet"[..(int)cut], Seen);
        gate.Release(20);
        Assert.Equal("at once too, not yet", Seen);
    }

    [Fact]
    public async Task Everything_before_a_cut_is_taken_although_more_is_held_than_the_limit()
    {
        var gate = Gate(maxHeldBytes: 4);
        using var guest = await ConnectAsync();
        guest.Send(new byte[100_000]);

        Assert.Equal(100_000, await DrainAsync(gate, 100_000));
    }

    [Fact]
    public async Task A_guest_waits_while_the_gate_is_full_and_goes_on_when_output_has_gone_out()
    {
        var gate = Gate(maxHeldBytes: 1);
        using var guest = await ConnectAsync();
        guest.SendBufferSize = 4096;
        var sending = Task.Run(() => SendAll(guest, new byte[8 << 20]), TestContext.Current.CancellationToken);

        while (gate.Position < 8 << 20)
        {
            Assert.InRange(gate.Position - _log.Length, 0, 2 * 64 * 1024); // what is read at once, and no more
            gate.Release(gate.Position);
            await Task.Yield();
        }

        await sending;
    }

    [Fact]
    public async Task An_open_gate_lets_everything_out_at_once_and_holds_again_when_it_is_closed()
    {
        var gate = Gate();
        using var guest = await ConnectAsync();
        guest.Send("held "u8);
        await DrainAsync(gate, 5);

        gate.Open(true);
        Assert.Equal("held ", Seen);
        guest.Send("at once "u8);
        await DrainAsync(gate, 13);
        Assert.Equal("held at once ", Seen);
        gate.Open(false);
        guest.Send("held"u8);
        await DrainAsync(gate, 17);
        Assert.Equal("held at once ", Seen);
    }

    [Fact]
    public async Task A_console_that_is_connected_again_has_put_out_what_nobody_has()
    {
        var gate = Gate();
        using (await ConnectAsync())
        {
            Assert.True(gate.IsWhole);
        }

        using var again = await ConnectAsync();
        again.Send("x"u8);
        await DrainAsync(gate, 1);
        Assert.False(gate.IsWhole);
    }

    [Fact]
    public async Task Output_that_another_controller_has_let_out_does_not_go_out_again()
    {
        _log.Append(0, "let out"u8);
        var gate = Gate(from: 4); // the checkpoint's cut was before the rest went out
        using var guest = await ConnectAsync();
        guest.Send("out and more"u8);
        gate.Release(await DrainAsync(gate, 16));

        Assert.Equal("let out and more", Seen);
    }

    [Fact]
    public void Output_with_a_gap_before_it_does_not_go_out()
    {
        _log.Append(0, "abc"u8);

        Assert.Throws<InvalidOperationException>(() => _log.Append(5, "x"u8));
        Assert.Equal("abc", Seen);
    }

    [Fact]
    public void A_second_controller_cannot_write_the_console()
    {
        Assert.Throws<IOException>(() => new ConsoleLog(LogPath));
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void The_socket_and_the_console_are_for_their_user_only()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "no Unix rights");
        Gate();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LogPath));
    }

    private static void SendAll(Socket guest, ReadOnlySpan<byte> output)
    {
        while (output.Length > 0)
        {
            output = output[guest.Send(output)..];
        }
    }

    /// <summary>A socket delivers when it likes: the guest's output is there when the gate has it.</summary>
    private static async Task<long> DrainAsync(ConsoleGate gate, long position)
    {
        while (gate.Drain() < position)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        return gate.Position;
    }

    private ConsoleGate Gate(long from = 0, int maxHeldBytes = Limit)
    {
        var gate = new ConsoleGate(SocketPath, _log, from, maxHeldBytes);
        _gates.Add(gate);
        return gate;
    }

    private async Task<Socket> ConnectAsync()
    {
        var guest = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await guest.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), TestContext.Current.CancellationToken);
        return guest;
    }
}
