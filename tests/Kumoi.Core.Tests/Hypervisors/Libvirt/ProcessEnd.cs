using System.Globalization;

namespace Kumoi.Tests.Hypervisors.Libvirt;

/// <summary>Waits for processes to end, by Linux's /proc.</summary>
internal static class ProcessEnd
{
    public static async Task OfAsync(int process, CancellationToken cancellationToken)
    {
        while (IsAlive(process))
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>All whose command line has a text.</summary>
    public static async Task OfAllWithAsync(string text, CancellationToken cancellationToken)
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var process)
                && Read(process, "cmdline").Contains(text, StringComparison.Ordinal))
            {
                await OfAsync(process, cancellationToken);
            }
        }
    }

    private static bool IsAlive(int process)
    {
        var stat = Read(process, "stat");
        return stat.Length > 0 && !stat[stat.LastIndexOf(')')..].StartsWith(") Z", StringComparison.Ordinal);
    }

    private static string Read(int process, string file)
    {
        try
        {
            return File.ReadAllText(FormattableString.Invariant($"/proc/{process}/{file}"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
