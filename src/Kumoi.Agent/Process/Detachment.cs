using System.Globalization;
using Kumoi.Agents;

namespace Kumoi.Agent.Process;

/// <summary>
/// Leaves everything that the starter's shell would take along when it ends: its session and terminal (Ctrl+C, hang-up), its folder, and
/// what it had open.
/// </summary>
internal static class Detachment
{
    private const int GetFlags = 1;
    private const int CloseOnExec = 1;
    private const int ReadAndWrite = 2;
    private const uint OwnFilesOnly = 0x3F;

    /// <summary>At the start, before this process has opened anything that is to stay.</summary>
    public static void Begin()
    {
        _ = UnixCalls.BeginSession();
        _ = UnixCalls.SetMask(OwnFilesOnly);
        Environment.CurrentDirectory = "/";
        CloseInherited();
    }

    /// <summary>What is written there from now on goes nowhere: the starter is not there any more.</summary>
    public static void CloseStandardStreams()
    {
        Console.Out.Flush();
        Console.Error.Flush();
        var nothing = UnixCalls.Open("/dev/null", ReadAndWrite, 0);
        for (var stream = 0; stream <= 2 && nothing >= 0; stream++)
        {
            _ = UnixCalls.Duplicate(nothing, stream);
        }

        if (nothing > 2)
        {
            _ = UnixCalls.Close(nothing);
        }
    }

    /// <summary>
    /// What came through the start of this program, such as a lock that the shell's caller holds as long as anybody has it open: of what
    /// .NET opens by itself nothing would, so that this is how the two are told apart.
    /// </summary>
    private static void CloseInherited()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        foreach (var path in Directory.GetFileSystemEntries("/proc/self/fd"))
        {
            if (int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var descriptor) && descriptor > 2
                && UnixCalls.Control(descriptor, GetFlags) is >= 0 and var flags && (flags & CloseOnExec) == 0)
            {
                _ = UnixCalls.Close(descriptor);
            }
        }
    }
}
