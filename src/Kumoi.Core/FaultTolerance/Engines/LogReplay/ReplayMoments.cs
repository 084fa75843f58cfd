using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// The outputs of one recording, a line for each, over all replicas that have followed it. What was written last may be lost with the
/// machine: then a replica can be brought to the output before.
/// </summary>
internal sealed class ReplayMoments : IDisposable
{
    private static readonly JsonSerializerOptions Options = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    private readonly FileStream _file;

    private ReplayMoments(FileStream file) => _file = file;

    /// <summary>Begins the file, or goes on with it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="qemu">The version of the QEMU that records.</param>
    /// <param name="host">Its host.</param>
    public static ReplayMoments Append(string path, Version qemu, string host)
    {
        var moments = new ReplayMoments(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read));
        moments._file.WriteByte((byte)'\n'); // the last line of a process that has died may not be whole
        moments.Write(new Line { Qemu = qemu.ToString(), Host = host });
        return moments;
    }

    /// <summary>All moments that can be read, the oldest first, each once.</summary>
    public static (Version? Qemu, string? Host, IReadOnlyList<ReplayMoment> Moments) Read(params IEnumerable<string> paths)
    {
        Version? qemu = null;
        string? host = null;
        var moments = new SortedDictionary<long, ReplayMoment>();
        foreach (var line in paths.Where(File.Exists).SelectMany(ReadLines))
        {
            qemu = Version.TryParse(line.Qemu, out var version) ? version : qemu;
            host = line.Host ?? host;
            if (line.Moment is { } moment)
            {
                moments[moment.Count] = moment;
            }
        }

        return (qemu, host, [.. moments.Values]);
    }

    /// <summary>Writes them anew: as a whole or not at all.</summary>
    public static void Create(string path, Version? qemu, string? host, IEnumerable<ReplayMoment> moments)
    {
        var next = path + ".new";
        using (var all = new ReplayMoments(new FileStream(next, FileMode.Create, FileAccess.Write, FileShare.Read)))
        {
            all.Write(new Line { Qemu = qemu?.ToString(), Host = host });
            foreach (var moment in moments)
            {
                all.Write(moment);
            }

            all._file.Flush(flushToDisk: true);
        }

        File.Move(next, path, overwrite: true);
    }

    public void Write(ReplayMoment moment) => Write(new Line { Moment = moment });

    public void Dispose() => _file.Dispose();

    private void Write(Line line)
    {
        _file.Write([.. JsonSerializer.SerializeToUtf8Bytes(line, Options), (byte)'\n']);
        _file.Flush();
    }

    private static IEnumerable<Line> ReadLines(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(file);
        List<Line> lines = [];
        while (reader.ReadLine() is { } text)
        {
            try
            {
                if (text.Length > 0 && JsonSerializer.Deserialize<Line>(text, Options) is { } line)
                {
                    lines.Add(line);
                }
            }
            catch (JsonException)
            {
                // It was being written when its process died.
            }
        }

        return lines;
    }

    private sealed record Line
    {
        public string? Qemu { get; init; }

        public string? Host { get; init; }

        public ReplayMoment? Moment { get; init; }
    }
}
