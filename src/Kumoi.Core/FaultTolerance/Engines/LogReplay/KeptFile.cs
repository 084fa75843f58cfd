using System.Text.Json;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>Says of a kept recording that it is whole, and what it is. It is written last.</summary>
/// <param name="Recording">Which recording it is.</param>
/// <param name="Until">When the last of it was recorded.</param>
/// <param name="LogBytes">How long its log is.</param>
internal sealed record KeptFile(string Recording, DateTimeOffset Until, long LogBytes)
{
    public const string Name = "recording.json";

    /// <summary>Null: the folder has no recording that is whole.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static KeptFile? Read(string folder)
    {
        try
        {
            var path = Path.Combine(folder, Name);
            return File.Exists(path) ? JsonSerializer.Deserialize<KeptFile>(File.ReadAllBytes(path)) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public void Write(string folder)
    {
        var path = Path.Combine(folder, Name);
        var next = path + ".new";
        using (var file = new FileStream(next, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            JsonSerializer.Serialize(file, this);
            file.Flush(flushToDisk: true);
        }

        File.Move(next, path, overwrite: true);
    }
}
