using System.Security.Cryptography;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>A VM that is made of a recording, and stands at a moment of it.</summary>
internal sealed record RestoredVM
{
    /// <summary>How long what a QEMU has put out may take to be seen here.</summary>
    private static readonly TimeSpan ConsolePatience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(20);

    private RestoredVM(KeptRecording recording, ReplayMoment moment, bool isEarlier, string name)
    {
        (Recording, Moment, Name) = (recording, moment, name);
        Shortage = isEarlier
            ? $"The log of '{recording.VM}' in '{recording.Folder}' is not whole: the last output of which it has everything is that of "
                + $"{KeptRecording.Format(moment.At)}."
            : null;
    }

    public string Name { get; }

    public KeptRecording Recording { get; }

    public ReplayMoment Moment { get; }

    /// <summary>Why it stands earlier than it was asked for; null: it does not.</summary>
    public string? Shortage { get; }

    /// <summary>Finds what is to be made.</summary>
    /// <param name="path">A recording, or where those of a pair are.</param>
    /// <param name="to">The instant; null: the last output.</param>
    /// <param name="name">The new VM's; null: the VM's own, and that it is a replay.</param>
    /// <exception cref="HypervisorException">There is no recording of that instant.</exception>
    public static RestoredVM Find(string path, DateTimeOffset? to, string? name)
    {
        var (recording, moment) = KeptRecording.Find(path, to);
        var isEarlier = recording.All.Last(other => to is null || other.At <= to) != moment;
        return new RestoredVM(recording, moment, isEarlier, name ?? recording.VM + "-replay");
    }

    /// <summary>
    /// Makes it, paused at the moment: it has put out exactly what the recorded VM had. What was made is removed again if a step fails or
    /// is cancelled.
    /// </summary>
    /// <param name="host">Where it is made. It has the recording's folder under the same path as this computer.</param>
    /// <param name="operation">What makes it.</param>
    /// <param name="keepFailed">What was made stays if a step fails.</param>
    /// <param name="came">Is told how much of the way is done, 0 to 1.</param>
    /// <param name="time">The clock of all waits.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="HypervisorException">It cannot be made there, or does not replay what was recorded.</exception>
    public async Task<KumoiVM> MakeAsync(
        KumoiConnection host, OperationId operation, bool keepFailed, Action<double> came, TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (host.IsSimulated)
        {
            throw new HypervisorException(
                $"{host.Name} is simulated: it has no QEMU that could replay a log.", FaultDomain.Host, error: HypervisorError.NotSupported,
                recommendedAction: "Give a real host, with the QEMU that has recorded the VM.");
        }

        VMSpecCheck.EnsureName(Name, "VM");
        var id = ReplayMark.NewId();
        var folder = Path.Combine(Recording.Folder, ReplayMark.FolderNameOf(id));
        var isMade = false;
        try
        {
            MakeFolder(folder);
            File.Copy(Recording.StartFile, Path.Combine(folder, ReplayMark.Image));
            var definition = ReplayDefinition.Restored(Recording.Definition, id, Name, Recording.LogFile, folder);
            await VMActions.CreateWithAsync(
                host, new VMSpec { Xml = definition.ToString() },
                token => BringAsync(host, id, folder, operation, came, time, token), keepFailed, operation, cancellationToken);
            isMade = true;
            return new KumoiVM(host, await host.Link.SendAsync(new FindVM(id), cancellationToken) ?? throw NotThere(host));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HypervisorException(
                $"A copy of the recording's state cannot be made: {e.Message}", FaultDomain.Storage, error: HypervisorError.StorageFailed,
                innerException: e, recommendedAction: $"See that '{Recording.Folder}' can be written to, and has room.");
        }
        finally
        {
            if (!isMade && !keepFailed)
            {
                Remove(folder);
            }
        }
    }

    /// <summary>Undoes <see cref="MakeAsync"/>: of a VM that was made by it, what its files are is in its mark.</summary>
    public static async Task UndoAsync(KumoiConnection host, KumoiVM vm, RestoredVM restored, OperationId operation)
    {
        await VMActions.UndoCreationAsync(host, vm.Name, operation);
        Remove(Path.Combine(restored.Recording.Folder, ReplayMark.FolderNameOf(vm.Id)));
    }

    /// <summary>Where what it puts out is.</summary>
    public string ConsoleOf(KumoiVM vm) =>
        Path.Combine(Recording.Folder, ReplayMark.FolderNameOf(vm.Id), ReplayMark.Console);

    private async Task BringAsync(
        KumoiConnection host, Guid id, string folder, OperationId operation, Action<double> came, TimeProvider time,
        CancellationToken cancellationToken)
    {
        try
        {
            await host.Link.SendAsync(new StartVM(id, Paused: true) { Operation = operation }, cancellationToken);
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.Other or HypervisorError.InvalidSpecification)
        {
            // QEMU has not started: it says why, and libvirt has no number for that.
            throw new HypervisorException(
                $"{e.Message.TrimEnd('.')}. QEMU on {host.Name} cannot begin the replay.", FaultDomain.Host, e.IsTransient,
                e.OutcomeUnknown, e.Error, e.NativeCode,
                $"See that {host.Name} has '{Recording.Folder}' under the same path as this computer, that QEMU may read and write there, "
                    + "and that it has what the VM was started from.",
                e);
        }

        var qemu = new QemuReplay(host.Link, id, time);
        if (Recording.Qemu is { } recorded && await qemu.VersionAsync(cancellationToken) is var version && version != recorded)
        {
            throw new HypervisorException(
                $"'{Recording.VM}' was recorded by QEMU {recorded}, and {host.Name} has {version}: another version does not replay what "
                    + "was recorded.",
                FaultDomain.Host, error: HypervisorError.NotSupported,
                recommendedAction: $"Give a host with QEMU {recorded}{(Recording.Host is { } on ? $", as {on} had" : "")}.");
        }

        await qemu.GoToAsync(Moment.Count, cancellationToken, at => came(Math.Clamp((double)at / Moment.Count, 0, 1)));
        var console = Path.Combine(folder, ReplayMark.Console);
        var since = time.GetTimestamp();
        while (!File.Exists(console) || new FileInfo(console).Length < Moment.To)
        {
            if (time.GetElapsedTime(since) > ConsolePatience)
            {
                throw Differs(host);
            }

            await Task.Delay(BetweenLooks, time, cancellationToken);
        }

        if (Moment.From >= 0 && HashOf(console) != Moment.Hash)
        {
            throw Differs(host);
        }
    }

    /// <summary>Of the last output that it has put out.</summary>
    private string HashOf(string console)
    {
        using var file = new FileStream(console, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        file.Position = Moment.From;
        var output = new byte[Moment.To - Moment.From];
        file.ReadExactly(output);
        return Convert.ToHexString(SHA256.HashData(output));
    }

    private HypervisorException Differs(KumoiConnection host) => new(
        $"{host.Name} replays the log of '{Recording.VM}' otherwise than it was recorded: the VM has not put out what it had put out.",
        FaultDomain.Host, error: HypervisorError.InvalidState,
        recommendedAction: "Give the host on which it was recorded"
            + $"{(Recording.Host is { } on ? $" ({on})" : "")}, with the QEMU and the files that it had, or take an earlier instant.");

    private HypervisorException NotThere(KumoiConnection host) => new(
        $"'{Name}' was made on {host.Name}, and is not there any more.", FaultDomain.VM, error: HypervisorError.VMNotFound,
        recommendedAction: "Somebody else has removed it; make it again.");

    private static void MakeFolder(string folder)
    {
        // It has what the guest's memory has.
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static void Remove(string folder)
    {
        try
        {
            ReplayMark.Remove(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is in the recording's own folder, and goes with it.
        }
    }
}
