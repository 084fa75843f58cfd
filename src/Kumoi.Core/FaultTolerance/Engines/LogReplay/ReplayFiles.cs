using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// The files of a recording, which belong to the VM that is recorded, and those of a replica, which belong to its attempt.
/// </summary>
internal sealed class ReplayFiles(PairPlan plan)
{
    private static readonly string[] OfReplicas = ["log", "messages", "start.qcow2", "replica.qcow2", "domain.xml"];

    private static readonly string[] OfRecordings = ["record", "image.qcow2", "moments"];

    /// <summary>Which recording it is, by the file that it is in.</summary>
    public static string RecordingOf(string record) => Path.GetFileNameWithoutExtension(record)[33..];

    /// <summary>What QEMU records.</summary>
    public string Record(string recording) => PathOf(recording, "record");

    /// <summary>Has the state that the recording began with; without one it began at the VM's boot.</summary>
    public string Image(string recording) => PathOf(recording, "image.qcow2");

    /// <summary>Its outputs, if it is going to be kept.</summary>
    public string Moments(string recording) => PathOf(recording, "moments");

    /// <summary>The attempts of which there are files.</summary>
    public IEnumerable<string> Attempts() => Directory.EnumerateFiles(plan.Folder, $"{plan.VM:N}-*.domain.xml")
        .Select(static file => Path.GetFileName(file)[33..^".domain.xml".Length]);

    /// <summary>Which recording an attempt's replica follows; null: that is not known.</summary>
    public string? RecordingOfAttempt(string attempt)
    {
        try
        {
            return ReplayDefinition.RecordOf(DomainDefinition.Parse(File.ReadAllText(Domain(attempt)))) is { } record
                ? RecordingOf(record) : null;
        }
        catch (Exception e) when (e is HypervisorException or FileNotFoundException)
        {
            return null; // whoever wrote it has died in between
        }
    }

    /// <summary>What the backup has of what was recorded.</summary>
    public string Log(string attempt) => PathOf(attempt, "log");

    /// <summary>What the backup was told.</summary>
    public string Messages(string attempt) => PathOf(attempt, "messages");

    /// <summary>What the replica begins with, for whoever makes it again.</summary>
    public string Start(string attempt) => PathOf(attempt, "start.qcow2");

    /// <summary>The image of the replica.</summary>
    public string Replica(string attempt) => PathOf(attempt, "replica.qcow2");

    /// <summary>The VM's live definition when the replica was made, without secrets.</summary>
    public string Domain(string attempt) => PathOf(attempt, "domain.xml");

    /// <summary>Removes what belongs to other replicas; null: to all.</summary>
    public void DropReplicas(string? but) => Drop(OfReplicas, but is null ? [] : [but]);

    /// <summary>Removes what belongs to other recordings.</summary>
    public void DropRecordings(params string[] but) => Drop(OfRecordings, but);

    /// <summary>Removes a recording.</summary>
    public void DropRecording(string recording)
    {
        File.Delete(Record(recording));
        File.Delete(Image(recording));
        File.Delete(Moments(recording));
    }

    private void Drop(string[] kinds, string[] but)
    {
        foreach (var file in kinds.SelectMany(kind => Directory.EnumerateFiles(plan.Folder, $"{plan.VM:N}-*.{kind}"))
            .Where(file => !but.Any(kept => Path.GetFileName(file).StartsWith($"{plan.VM:N}-{kept}.", StringComparison.Ordinal))))
        {
            File.Delete(file);
        }
    }

    private string PathOf(string whose, string kind) => Path.Combine(plan.Folder, $"{plan.VM:N}-{whose}.{kind}");
}
