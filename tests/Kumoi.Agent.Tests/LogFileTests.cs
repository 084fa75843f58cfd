using Kumoi.Agent.Process;
using Kumoi.Tests;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Kumoi.Agent.Tests;

public sealed class LogFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-log-");

    private string File => Path.Combine(_folder.FullName, "agent.log");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void It_never_grows_beyond_its_two_files()
    {
        using var log = new LogFile(File, new ManualTime(), maxBytes: 1000);
        for (var i = 0; i < 1000; i++)
        {
            log.Write("Kumoi.Agent.Test", LogLevel.Information, $"line {i}", null);
        }

        Assert.Equal(2, _folder.GetFiles().Length);
        Assert.All(_folder.GetFiles(), file => Assert.InRange(file.Length, 1, 1000));
        Assert.EndsWith("line 999\n", System.IO.File.ReadAllText(File), StringComparison.Ordinal);
    }

    [Fact]
    public void It_has_no_secrets_and_what_a_host_says_stays_in_its_line()
    {
        using var log = new LogFile(File, new ManualTime());
        log.Write(
            "Kumoi.Agent.Test", LogLevel.Warning, "qemu+ssh://root:hunter2@h/system is \u001b[2Jaway\nGot: all",
            new IOException("token=abc"));
        var text = System.IO.File.ReadAllText(File);
        Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
        Assert.DoesNotContain("abc", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', text);
        Assert.Equal(1, text.Count(c => c == '\n'));
    }
}
