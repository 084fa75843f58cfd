using System.Globalization;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// Keeps the recording of each life of a VM (from its boot, or from a takeover, to the next takeover or the pair's end) when it is over:
/// the log that the backup had, the state it begins with, the VM's definition, and its outputs.
/// </summary>
/// <remarks>
/// Files are moved into a folder of a name that says that it is not whole; what says that it is comes last, and then the folder gets its
/// name. A process that dies in between leaves what the next one goes on with.
/// </remarks>
internal sealed class ReplayKeep(PairPlan plan)
{
    private const string Begun = ".part";

    private const string Leaving = ".gone";

    private readonly ReplayFiles _files = new(plan);

    private string Folder => FolderOf(plan.Folder);

    /// <summary>Where a pair's recordings are kept.</summary>
    public static string FolderOf(string pair) => Path.Combine(pair, "recordings");

    /// <summary>Keeps what is over, before the files of its replicas are removed.</summary>
    /// <param name="but">The attempt whose recording goes on; null: none does.</param>
    /// <exception cref="IOException">It cannot be kept; what is there stays.</exception>
    public void Keep(string? but)
    {
        if (plan.KeepLogBytes is not { } most)
        {
            return;
        }

        Finish();
        var attempts = _files.Attempts().Where(attempt => attempt != but).ToList();
        if (attempts.Count == 0)
        {
            return;
        }

        var live = but is null ? null : _files.RecordingOfAttempt(but);
        foreach (var life in attempts.GroupBy(_files.RecordingOfAttempt))
        {
            // Of one recording the longest log begins with all others.
            if (life.Key is { } recording && recording != live && File.Exists(_files.Moments(recording))
                && life.Where(attempt => File.Exists(_files.Start(attempt))).MaxBy(attempt => LengthOf(_files.Log(attempt))) is { } longest)
            {
                if (!OperatingSystem.IsWindows())
                {
                    Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                }

                Directory.CreateDirectory(Path.Combine(Folder, $"{recording}-{longest}{Begun}"));
            }
        }

        Finish();
        Drop(most);
    }

    /// <summary>Ends what was begun, by this process or by one that has died.</summary>
    private void Finish()
    {
        foreach (var part in Directory.Exists(Folder) ? Directory.GetDirectories(Folder) : [])
        {
            if (part.EndsWith(Leaving, StringComparison.Ordinal))
            {
                Directory.Delete(part, recursive: true);
            }
            else if (part.EndsWith(Begun, StringComparison.Ordinal)
                && Path.GetFileNameWithoutExtension(part).Split('-') is [var recording, var attempt])
            {
                Finish(part, recording, attempt);
            }
        }
    }

    private void Finish(string part, string recording, string attempt)
    {
        var older = Directory.GetDirectories(Folder)
            .Where(folder => folder != part && KeptFile.Read(folder)?.Recording == recording).ToList();
        var moments = Path.Combine(part, KeptRecording.Moments);
        if (!File.Exists(moments))
        {
            var (qemu, host, all) = ReplayMoments.Read(
                [.. older.Select(static folder => Path.Combine(folder, KeptRecording.Moments)), _files.Moments(recording)]);
            if (all.Count == 0)
            {
                Remove(part); // nothing could be brought anywhere by it
                return;
            }

            ReplayMoments.Create(moments, qemu, host, all);
            File.Delete(_files.Moments(recording)); // once: another replica of that recording may have begun it anew since
        }

        Move(_files.Start(attempt), Path.Combine(part, KeptRecording.Start));
        Move(_files.Log(attempt), Path.Combine(part, KeptRecording.Log));
        Move(_files.Domain(attempt), Path.Combine(part, KeptRecording.Domain)); // last: by it the attempt is known
        if (!File.Exists(Path.Combine(part, KeptRecording.Log)) || !File.Exists(Path.Combine(part, KeptRecording.Domain)))
        {
            Remove(part); // somebody has removed it
            return;
        }

        var log = new FileInfo(Path.Combine(part, KeptRecording.Log));
        new KeptFile(recording, new DateTimeOffset(log.LastWriteTimeUtc), log.Length).Write(part);
        var first = ReplayMoments.Read(moments).Moments[0].At.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        Directory.Move(part, Path.Combine(Folder, $"{first}-{attempt[..8]}"));
        older.Where(static folder => !IsInUse(folder)).ToList().ForEach(Remove);
    }

    /// <summary>The oldest go, until the rest takes no more room; the newest stays, and so does what a VM was made from.</summary>
    private void Drop(long most)
    {
        var kept = Directory.GetDirectories(Folder).Select(static folder => (Folder: folder, File: KeptFile.Read(folder)))
            .Where(static kept => kept.File is not null).OrderByDescending(static kept => kept.File!.Until).ToList();
        var sum = 0L;
        foreach (var (folder, _) in kept)
        {
            sum += new DirectoryInfo(folder).EnumerateFiles().Sum(static file => file.Length);
            if (sum > most && folder != kept[0].Folder && !IsInUse(folder))
            {
                Remove(folder);
            }
        }
    }

    /// <summary>A VM was made from it, and has files there.</summary>
    private static bool IsInUse(string folder) => Directory.GetDirectories(folder, ReplayMark.AnyFolder).Length > 0;

    /// <summary>In one step: a folder that is half removed does not look like a whole one.</summary>
    private static void Remove(string folder)
    {
        var leaving = folder + Leaving;
        Directory.Move(folder, leaving);
        Directory.Delete(leaving, recursive: true);
    }

    private static void Move(string from, string to)
    {
        if (File.Exists(from))
        {
            File.Move(from, to, overwrite: true);
        }
    }

    private static long LengthOf(string file) => File.Exists(file) ? new FileInfo(file).Length : -1;
}
