using System.Text.Json.Serialization;
using Kumoi.FaultTolerance.Protocols.LogReplay;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>A line of a backup's log.</summary>
internal sealed record ReplayEntry
{
    /// <summary>The first one: with which output it begins.</summary>
    public ReplayPoint? Begun { get; init; }

    /// <summary>The number of a message of the primary.</summary>
    public long? Number { get; init; }

    /// <summary>Of a message: what the guest wants to put out, where.</summary>
    public ReplayPoint? Output { get; init; }

    /// <summary>Of a message: what has gone out.</summary>
    public long? Performed { get; init; }

    /// <summary>What the backup itself has let out.</summary>
    public long? Drained { get; init; }

    /// <summary>The message; null: it is none.</summary>
    [JsonIgnore]
    public LogMessage? Message => Number is not { } number ? null
        : Output is { } output ? new LogMessage.Output(number, output.Id)
        : Performed is { } performed ? new LogMessage.Performed(number, performed)
        : new LogMessage.Events(number);
}
