using System.Text.Json;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// All that whoever keeps a pair must know of it: what an admin has asked for. It is in the journal and in the marks on hosts, so it has no
/// secrets.
/// </summary>
public sealed record PairOrder
{
    /// <summary>How long the path of a folder may be, in UTF-8: it has sockets, whose paths have a limit of the system's.</summary>
    internal const int MaxFolderBytes = 107 - 21; // the longest: /console-ck99999.sock

    /// <summary>Tells this pair from others of the same VM, before and after it.</summary>
    public required Guid Id { get; init; }

    public required Guid VM { get; init; }

    public required string VMName { get; init; }

    /// <summary>The host that runs the VM at the beginning: one of <see cref="Hosts"/>.</summary>
    public required string Primary { get; init; }

    /// <summary>The hosts that may serve, in the order of preference.</summary>
    public required IReadOnlyList<PairHost> Hosts { get; init; }

    /// <summary>Where checkpoints are kept: storage that all hosts and this computer have under the same path.</summary>
    public required string Folder { get; init; }

    /// <summary>What makes the checkpoints.</summary>
    public CheckpointEngine Engine { get; init; }

    /// <summary>
    /// With <see cref="CheckpointEngine.Colo"/>: what makes the checkpoints of checkpoint mode; null: COLO itself, whose standby stands
    /// still between them.
    /// </summary>
    public CheckpointEngine? CheckpointsBy { get; init; }

    /// <summary>The engines by name, such as "Colo and Migrate".</summary>
    internal string EngineNames => CheckpointsBy is { } other ? $"{Engine} and {other}" : Engine.ToString();

    /// <summary>Why that engine, in words for an admin; null: it was asked for.</summary>
    public string? EngineReason { get; init; }

    /// <summary>Which rule chooses the mode, with <see cref="CheckpointEngine.Colo"/>; null: checkpoint mode, by the goals.</summary>
    public ModeOptions? Modes { get; init; }

    /// <summary>What the pair is to keep within its limits.</summary>
    public required PairGoals Goals { get; init; }

    /// <summary>The path of a program that switches a host's power off, and gets the host's name; null: none.</summary>
    public string? FenceCommand { get; init; }

    /// <summary>How many milliseconds a host may be silent.</summary>
    public int SilenceMs { get; init; } = 2000;

    /// <summary>The engine Migrate may send the VM's memory unencrypted from host to host.</summary>
    public bool AllowUnencrypted { get; init; }

    /// <summary>
    /// With <see cref="CheckpointEngine.LogReplay"/>: how much room recordings may take that are kept when they are over; null: none is.
    /// </summary>
    public long? KeepLogBytes { get; init; }

    /// <summary>Its hosts live in the session that began it, and end with it.</summary>
    public bool IsSimulated { get; init; }

    internal string ToJson() => JsonSerializer.Serialize(this, PairFile.Options);

    /// <summary>Reads what <see cref="ToJson"/> has written.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    internal static PairOrder FromJson(string json) =>
        JsonSerializer.Deserialize<PairOrder>(json, PairFile.Options) ?? throw new JsonException("There is no order of a pair.");

    public override string ToString() => $"{VMName} on {string.Join(", ", Hosts)}";
}
