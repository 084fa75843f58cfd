using System.Globalization;
using System.Xml.Linq;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>A recording that a VM can be made from: a kept one, or one that still goes on in the folder of its pair.</summary>
internal sealed record KeptRecording
{
    public const string Log = "log";

    public const string Start = "start.qcow2";

    public const string Domain = "domain.xml";

    public const string Moments = "moments";

    /// <summary>What is told of a beginning is not before it, however few digits it is told with.</summary>
    private static readonly TimeSpan JustBefore = TimeSpan.FromMilliseconds(1) - new TimeSpan(1);

    /// <summary>Where it is.</summary>
    public required string Folder { get; init; }

    public required string LogFile { get; init; }

    /// <summary>Has the state that it begins with, if it does not begin at the VM's boot.</summary>
    public required string StartFile { get; init; }

    /// <summary>The VM's live definition when it was recorded, without secrets.</summary>
    public required XElement Definition { get; init; }

    /// <summary>What recorded it; null: that is not known.</summary>
    public required Version? Qemu { get; init; }

    /// <summary>The host on which it was recorded.</summary>
    public required string? Host { get; init; }

    /// <summary>Its outputs, the oldest first: one at least.</summary>
    public required IReadOnlyList<ReplayMoment> All { get; init; }

    /// <summary>When the last of it was recorded.</summary>
    public required DateTimeOffset Until { get; init; }

    /// <summary>How long its log was when it was kept; null: it goes on.</summary>
    public required long? WholeBytes { get; init; }

    public DateTimeOffset From => All[0].At;

    /// <summary>How long its log is now.</summary>
    public long LogBytes => new FileInfo(LogFile).Length;

    /// <summary>The VM's name, without what a standby's has besides.</summary>
    public string VM
    {
        get
        {
            var name = (string?)Definition.Element("name") ?? "";
            var isItself = (string?)Definition.Element("uuid") == ReplayDefinition.GuestOf(Definition).ToString("D");
            return isItself || name.LastIndexOf("-ck", StringComparison.Ordinal) is not (> 0 and var at) ? name : name[..at];
        }
    }

    /// <summary>The recording of a folder that was there at an instant.</summary>
    /// <param name="path">
    /// The folder of a kept recording, or the one that has a pair's recordings, or the pair's own.
    /// </param>
    /// <param name="to">The instant; null: the end of the last one.</param>
    /// <returns>The recording, and the last moment not after the instant of which the log is there.</returns>
    /// <exception cref="HypervisorException">There is none.</exception>
    public static (KeptRecording Recording, ReplayMoment Moment) Find(string path, DateTimeOffset? to)
    {
        List<KeptRecording> all;
        try
        {
            all = [.. ReadAll(path).OrderBy(static recording => recording.From)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refuse(
                $"The recordings in '{path}' cannot be read: {e.Message}", "Check the path, and that you may read what is there.", e);
        }

        if (all.Count == 0)
        {
            throw Refuse(
                $"There is no recording in '{path}' that is whole.",
                "Give the folder of a recording: (Get-KumoiFtPair NAME).RecordingPath has those of a pair that was begun with -KeepLog.");
        }

        var fits = to is { } instant ? all.FindLast(recording => recording.From <= instant && instant <= recording.Until) : all[^1];
        if (fits is null)
        {
            throw Refuse(
                $"{Format(to!.Value)} is not in {(all.Count == 1 ? "the recording" : "any of the recordings")}: "
                    + $"{string.Join(", ", all.Select(static one => $"{Format(one.From + JustBefore)} to {Format(one.Until)}"))}.",
                "Give an instant from one of these stretches, or leave out -To for the last output of the last one.");
        }

        var there = fits.LogBytes;
        var found = fits.All.LastOrDefault(moment => (to is null || moment.At <= to) && moment.LogBytes <= there);
        return found is not null ? (fits, found) : throw Refuse(
            $"The log of the recording in '{fits.Folder}' is not whole: it has {there} bytes, and its first output needs "
                + $"{fits.All[0].LogBytes}.",
            "There is nothing that it could be brought to: take another recording.");
    }

    public static string Format(DateTimeOffset instant) =>
        instant.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);

    private static IEnumerable<KeptRecording> ReadAll(string path)
    {
        if (ReadKept(path) is { } only)
        {
            return [only];
        }

        var kept = ReplayKeep.FolderOf(path);
        return
        [
            .. Directory.EnumerateDirectories(path).Concat(Directory.Exists(kept) ? Directory.EnumerateDirectories(kept) : [])
                .Select(ReadKept).OfType<KeptRecording>(),
            .. Directory.EnumerateFiles(path, "*." + Moments).Select(ReadLive).OfType<KeptRecording>(),
        ];
    }

    private static KeptRecording? ReadKept(string folder) => KeptFile.Read(folder) is not { } file ? null : Read(
        folder, Path.Combine(folder, Log), Path.Combine(folder, Start), Path.Combine(folder, Domain), Path.Combine(folder, Moments), file);

    /// <summary>One that goes on, or whose pair was lost: of the replicas that have followed it the one with the longest log.</summary>
    private static KeptRecording? ReadLive(string moments)
    {
        var (folder, name) = (Path.GetDirectoryName(moments)!, Path.GetFileNameWithoutExtension(moments));
        if (name.Length < 34)
        {
            return null;
        }

        var (vm, recording) = (name[..32], name[33..]);
        return Directory.EnumerateFiles(folder, $"{vm}-*.{Domain}").Select(file => file[..^(Domain.Length + 1)])
            .Where(attempt => File.Exists(attempt + "." + Log)).OrderByDescending(attempt => new FileInfo(attempt + "." + Log).Length)
            .Select(attempt => Read(
                folder, attempt + "." + Log, attempt + "." + Start, attempt + "." + Domain, moments, file: null))
            .FirstOrDefault(found => found is not null
                && ReplayDefinition.RecordOf(found.Definition) is { } record && ReplayFiles.RecordingOf(record) == recording);
    }

    private static KeptRecording? Read(string folder, string log, string start, string domain, string moments, KeptFile? file)
    {
        if (!File.Exists(log) || !File.Exists(start) || !File.Exists(domain))
        {
            return null;
        }

        var (qemu, host, all) = ReplayMoments.Read(moments);
        return all.Count == 0 ? null : new KeptRecording
        {
            Folder = folder,
            LogFile = log,
            StartFile = start,
            Definition = DomainDefinition.Parse(File.ReadAllText(domain)),
            Qemu = qemu,
            Host = host,
            All = all,
            Until = file?.Until ?? new DateTimeOffset(File.GetLastWriteTimeUtc(log)),
            WholeBytes = file?.LogBytes,
        };
    }

    private static HypervisorException Refuse(string message, string action, Exception? inner = null) => new(
        message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: action, innerException: inner);
}
