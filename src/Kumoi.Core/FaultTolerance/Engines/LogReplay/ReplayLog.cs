using System.Text.Json;
using System.Text.Json.Serialization;
using Kumoi.FaultTolerance.Protocols.LogReplay;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// What a backup was told, and what it has performed itself, a line for each: written before it counts, so that it outlives the process.
/// </summary>
internal sealed class ReplayLog : IDisposable
{
    private readonly FileStream _file;

    private ReplayLog(FileStream file) => _file = file;

    public static ReplayLog Create(string path) => new(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read));

    public static ReplayLog Append(string path) => new(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read));

    public void Write(params IEnumerable<ReplayEntry> entries)
    {
        foreach (var entry in entries)
        {
            _file.Write(JsonSerializer.SerializeToUtf8Bytes(entry, Options));
            _file.WriteByte((byte)'\n');
        }

        _file.Flush(flushToDisk: true);
    }

    /// <summary>All that was written; a last line that is not whole was not.</summary>
    public static IReadOnlyList<ReplayEntry> Read(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        var lines = reader.ReadToEnd().Split('\n');
        return [.. lines.SkipLast(1).Select(static line => JsonSerializer.Deserialize<ReplayEntry>(line, Options)!)];
    }

    public void Dispose() => _file.Dispose();

    private static JsonSerializerOptions Options { get; } = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
}
