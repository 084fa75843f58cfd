using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Kumoi.FaultTolerance.Gates;

/// <summary>
/// The QEMU at the other end of a console. That it has ended the kernel knows at once, and for certain: libvirt may take 200 ms more to say
/// so, because it asks whether the process is there still, and once more only after that time (virProcessKillPainfully).
/// </summary>
/// <remarks>Source: pidfd_open(2), unix(7) (SO_PEERCRED).</remarks>
internal sealed partial class ConsoleProcess : IDisposable
{
    private const int SocketLevel = 1; // SOL_SOCKET
    private const int PeerCredentials = 17; // SO_PEERCRED
    private const int CredentialBytes = 12; // struct ucred: process, user, group
    private const long OpenProcess = 434; // pidfd_open, the same number on all machines
    private const short Readable = 1; // POLLIN: the process has ended

    private readonly SafeFileHandle _process;

    private readonly int _id;

    private ConsoleProcess(SafeFileHandle process, int id, Guid domain)
    {
        (_process, _id) = (process, id);
        Domain = domain;
    }

    /// <summary>The domain that it runs, by the id that libvirt gave it.</summary>
    public Guid Domain { get; }

    /// <summary>Null: it is not known to be the QEMU of a domain: another program, or one of another computer or container.</summary>
    public static ConsoleProcess? Of(Socket console)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        Span<byte> credentials = stackalloc byte[CredentialBytes];
        try
        {
            if (console.GetRawSocketOption(SocketLevel, PeerCredentials, credentials) != CredentialBytes)
            {
                return null;
            }
        }
        catch (SocketException)
        {
            return null;
        }

        var id = MemoryMarshal.Read<int>(credentials);
        var process = new SafeFileHandle((nint)(id > 0 ? Open(OpenProcess, id, 0) : -1), ownsHandle: true);
        // Read after it was opened: if another process has got that number meanwhile, it is that one's end which is waited for.
        if (!process.IsInvalid && DomainOf(id) is { } domain)
        {
            return new ConsoleProcess(process, id, domain);
        }

        process.Dispose();
        return null;
    }

    /// <summary>It can put out much more before its console is full. False: that is not for us to say.</summary>
    /// <param name="path">Where its console is connected to.</param>
    public bool GiveRoom(string path) => ConsoleRoom.Give((_id, _process), path);

    /// <summary>Waits, and holds a thread meanwhile. False: it has not ended in that time, or that is not known.</summary>
    public bool WaitForEnd(TimeSpan time)
    {
        var asked = new Asked { Descriptor = (int)_process.DangerousGetHandle(), Events = Readable };
        return Poll(ref asked, 1, (int)time.TotalMilliseconds) == 1 && (asked.Found & Readable) != 0;
    }

    public void Dispose() => _process.Dispose();

    /// <summary>libvirt's -uuid is the first: a guest may be given another one after it.</summary>
    private static Guid? DomainOf(int id)
    {
        try
        {
            var arguments = File.ReadAllText($"/proc/{id}/cmdline").Split('\0');
            var option = Array.IndexOf(arguments, "-uuid");
            return option >= 0 && option + 1 < arguments.Length && Guid.TryParse(arguments[option + 1], out var domain) ? domain : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial long Open(long call, long process, long flags);

    [LibraryImport("libc", EntryPoint = "poll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Poll(ref Asked asked, nuint count, int milliseconds);

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Asked
    {
        public int Descriptor;
        public short Events;
        public short Found;
    }
}
