using System.Text.Json;
using System.Text.Json.Serialization;
using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// Where a pair's record is kept: beside its checkpoints, so that whoever can go on from them knows which one counts. It is replaced in one
/// step; what has been written survives the death of the process and of the machine.
/// </summary>
internal sealed class PairFile(string path)
{
    internal static readonly JsonSerializerOptions Options = new()
    {
        Converters = { new JsonStringEnumConverter() },
        IgnoreReadOnlyProperties = true,
    };

    /// <summary>Null: there is no pair yet.</summary>
    public PairRecord? Read() => File.Exists(path) ? JsonSerializer.Deserialize<PairRecord>(File.ReadAllBytes(path), Options) : null;

    public void Write(PairRecord record)
    {
        var next = path + ".new";
        using (var file = new FileStream(next, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            JsonSerializer.Serialize(file, record, Options);
            file.Flush(flushToDisk: true);
        }

        File.Move(next, path, overwrite: true);
    }
}
