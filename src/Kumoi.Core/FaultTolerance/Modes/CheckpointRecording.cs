using System.Globalization;
using System.Text;

namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// What a pair's checkpoints were like, in a file beside them: for whoever wants to know which mode fits the VM. One line of
/// comma-separated
/// values for each: when it was committed, the mode, the cause, then length, pause and duration in milliseconds, and bytes.
/// </summary>
/// <remarks>The file is put aside when it is full, and the one before it goes: the two have the last 20,000 checkpoints at least.</remarks>
public static class CheckpointRecording
{
    /// <summary>The name of the file in a pair's folder.</summary>
    public const string FileName = "checkpoints.csv";

    internal const long MaxBytes = 2 << 20;
    private const string Header = "At,Mode,Cause,LengthMs,PauseMs,DurationMs,Bytes";

    /// <summary>Adds a stretch to the file in the folder.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    internal static void Append(string folder, DateTimeOffset at, ModeStretch stretch)
    {
        var path = Path.Combine(folder, FileName);
        using (var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0))
        {
            var line = string.Create(
                CultureInfo.InvariantCulture,
                $"{at.UtcDateTime:O},{stretch.Mode},{stretch.Cause},{stretch.Length.TotalMilliseconds:0.###},"
                    + $"{stretch.Cost.Pause.TotalMilliseconds:0.###},{stretch.Cost.Duration.TotalMilliseconds:0.###},"
                    + $"{stretch.Cost.Bytes}\n");

            // In one, so that no line has another in it.
            file.Write(Encoding.ASCII.GetBytes(file.Position == 0 ? $"{Header}\n{line}" : line));
            if (file.Position < MaxBytes)
            {
                return;
            }
        }

        File.Move(path, OlderThan(path), overwrite: true);
    }

    /// <summary>What is recorded, the oldest first: of the file that was put aside before it, too.</summary>
    /// <param name="path">The file that a pair writes.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="InvalidDataException">It is no such file.</exception>
    public static IReadOnlyList<ModeStretch> Read(string path)
    {
        var older = OlderThan(path);
        return File.Exists(older) && !string.Equals(path, older, StringComparison.Ordinal)
            ? [.. ReadOne(older), .. File.Exists(path) ? ReadOne(path) : []]
            : ReadOne(path);
    }

    private static string OlderThan(string path) => Path.ChangeExtension(path, ".old" + Path.GetExtension(path));

    private static List<ModeStretch> ReadOne(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        if (file.Length > 2 * MaxBytes)
        {
            throw new InvalidDataException($"'{path}' is too large to be a pair's checkpoints.");
        }

        using var reader = new StreamReader(file, Encoding.ASCII);
        var lines = reader.ReadToEnd().Split('\n');
        if (lines[0].TrimEnd('\r') != Header)
        {
            throw new InvalidDataException($"'{path}' is not a pair's checkpoints: its first line is not '{Header}'.");
        }

        // The last one is being written, or has nothing.
        return [.. lines[1..^1].Select((line, index) => TryParse(line.TrimEnd('\r')) ?? throw new InvalidDataException(
            FormattableString.Invariant($"Line {index + 2} of '{path}' is no checkpoint.")))];
    }

    private static ModeStretch? TryParse(string line) =>
        line.Split(',') is [_, var mode, var cause, var length, var pause, var duration, var bytes]
        && Enum.TryParse<PairMode>(mode, out var isIn) && Enum.IsDefined(isIn)
        && Enum.TryParse<CheckpointCause>(cause, out var because) && Enum.IsDefined(because)
        && Time(length) is { } ran && Time(pause) is { } stood && Time(duration) is { } took
        && long.TryParse(bytes, NumberStyles.None, CultureInfo.InvariantCulture, out var sent)
            ? new ModeStretch(isIn, ran, because, new CheckpointMeasure(stood, took, sent))
            : null;

    private static TimeSpan? Time(string milliseconds) =>
        double.TryParse(milliseconds, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var time) && time <= int.MaxValue
            ? TimeSpan.FromMilliseconds(time)
            : null;
}
