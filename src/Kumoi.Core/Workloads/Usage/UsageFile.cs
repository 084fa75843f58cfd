using System.Globalization;
using System.Text;

namespace Kumoi.Workloads.Usage;

/// <summary>Appends what VMs used to a file of comma-separated values (RFC 4180), one line for each VM and interval.</summary>
public static class UsageFile
{
    private const string Header =
        "From,To,VM,VMId,VMHost,MemoryBytes,CpuSec,DiskReadBytes,DiskWrittenBytes,NetworkReceivedBytes,NetworkSentBytes\n";

    /// <summary>Appends in one write, and returns when the lines are on the disk. A file that is new gets a header.</summary>
    public static void Append(string path, IReadOnlyList<KumoiUsage> usages)
    {
        using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
        var text = new StringBuilder(file.Position == 0 ? Header : "");
        foreach (var usage in usages)
        {
            text.Append(string.Create(
                CultureInfo.InvariantCulture,
                $"{usage.From:O},{usage.To:O},{Quoted(usage.VM)},{usage.VMId:D},{Quoted(usage.VMHost)},{usage.MemoryBytes},"
                    + $"{usage.CpuSec:0.######},{usage.DiskReadBytes},{usage.DiskWrittenBytes},"
                    + $"{usage.NetworkReceivedBytes},{usage.NetworkSentBytes}\n"));
        }

        file.Write(Encoding.UTF8.GetBytes(text.ToString()));
        file.Flush(flushToDisk: true);
    }

    /// <summary>
    /// A spreadsheet takes what begins with = + - or @ for a formula, and would run it: an apostrophe before it says that it is text.
    /// </summary>
    private static string Quoted(string text)
    {
        text = text.AsSpan().TrimStart() is ['=' or '+' or '-' or '@', ..] ? "'" + text : text;
        return text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}
