using System.Runtime.InteropServices;

namespace Kumoi.Agents;

/// <summary>A file that one process has locked; the system unlocks it when the process ends, in whatever way.</summary>
internal sealed class AgentLock : IDisposable
{
    private const int ReadAndWrite = 2;
    private readonly int _descriptor;

    private AgentLock(int descriptor) => _descriptor = descriptor;

    /// <summary>Null: another process has it.</summary>
    /// <exception cref="AgentException">It could not be locked.</exception>
    public static AgentLock? TryTake(string path)
    {
        var (create, closeOnExec) = OperatingSystem.IsLinux() ? (0x40, 0x80000) : (0x200, 0x1000000);
        var descriptor = UnixCalls.Open(path, ReadAndWrite | create | closeOnExec, 0x180);
        if (descriptor < 0)
        {
            throw Failure(path);
        }

        if (UnixCalls.Lock(descriptor, UnixCalls.LockExclusive | UnixCalls.LockWithoutWaiting) == 0)
        {
            return new AgentLock(descriptor);
        }

        // 11 on Linux, 35 on macOS: EWOULDBLOCK.
        var isTaken = Marshal.GetLastPInvokeError() is 11 or 35;
        var failure = isTaken ? null : Failure(path);
        _ = UnixCalls.Close(descriptor);
        return failure is null ? null : throw failure;
    }

    public void Dispose() => _ = UnixCalls.Close(_descriptor);

    private static AgentException Failure(string path) => new(
        $"The agent's lock {path} cannot be had: {Marshal.GetLastPInvokeErrorMessage()}", AgentError.StartFailed,
        $"Set {Journal.JournalFolder.Variable} to a folder on a file system that has locks.");
}
