using System.Net.Sockets;
using Kumoi.FaultTolerance.Engines.Colo;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.Colo;

/// <summary>What QEMU's comparers of packets say at their socket.</summary>
public sealed class ComparerNoticesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-notices-");

    public ComparerNoticesTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "it is a Unix socket");

    private string Path => System.IO.Path.Combine(_folder.FullName, "notices.sock");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_difference_is_told_once_and_the_next_one_again()
    {
        using var notices = new ComparerNotices(Path);
        using var comparer = Comparer();
        Assert.False(notices.Take());

        await SaysAsync(comparer);
        await TakenAsync(notices);
        Assert.False(notices.Take());

        await SaysAsync(comparer);
        await TakenAsync(notices);
    }

    [Fact]
    public async Task Each_card_has_a_comparer_and_one_that_comes_or_goes_tells_of_no_difference()
    {
        using var notices = new ComparerNotices(Path);
        Comparer().Dispose(); // of a QEMU that has ended
        using var first = Comparer();
        using var second = Comparer();
        await SaysAsync(second);
        await TakenAsync(notices);
        Assert.False(notices.Take());
        await SaysAsync(first);
        await TakenAsync(notices);
        Assert.False(notices.Take());
    }

    [Fact]
    public async Task What_a_dead_controller_has_left_there_is_replaced_and_nothing_is_left_in_the_end()
    {
        await File.WriteAllTextAsync(Path, "left", TestContext.Current.CancellationToken);
        var notices = new ComparerNotices(Path);
        using var comparer = Comparer();
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
        }

        await SaysAsync(comparer);
        await TakenAsync(notices);
        notices.Dispose();
        Assert.False(File.Exists(Path));
        Assert.Equal(0, await comparer.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken)); // it is told that nobody listens
    }

    private Socket Comparer()
    {
        var comparer = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        comparer.Connect(new UnixDomainSocketEndPoint(Path));
        return comparer;
    }

    /// <summary>As net/colo-compare.c does: the length, and the text.</summary>
    private static async Task SaysAsync(Socket comparer) =>
        await comparer.SendAsync((byte[])[0, 0, 0, 13, .. "DO_CHECKPOINT"u8], TestContext.Current.CancellationToken);

    private static async Task TakenAsync(ComparerNotices notices)
    {
        while (!notices.Take())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
