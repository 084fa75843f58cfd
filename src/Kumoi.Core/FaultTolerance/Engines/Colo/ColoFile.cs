using System.Text.Json;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>Where the step is kept. It is replaced at once, and survives the death of the process and of the machine.</summary>
internal sealed class ColoFile(string folder)
{
    private static readonly JsonSerializerOptions Options = new() { IgnoreReadOnlyProperties = true };

    private readonly string _path = Path.Combine(folder, "colo.json");

    /// <summary>Null: nothing of COLO is left by this pair.</summary>
    public ColoStep? Read() =>
        File.Exists(_path) ? JsonSerializer.Deserialize<ColoStep>(File.ReadAllBytes(_path), Options) : null;

    public void Write(ColoStep step)
    {
        var next = _path + ".new";
        using (var file = new FileStream(next, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            JsonSerializer.Serialize(file, step, Options);
            file.Flush(flushToDisk: true);
        }

        File.Move(next, _path, overwrite: true);
    }

    public void Remove() => File.Delete(_path);
}
