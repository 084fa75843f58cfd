using Kumoi.FaultTolerance.Modes;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>What an admin has asked for.</summary>
/// <param name="VM">The VM that is protected.</param>
/// <param name="Folder">
/// Where checkpoints and the console are kept: storage that all hosts and this computer have under this path.
/// </param>
/// <param name="Hosts">The hosts that may serve, in the order of preference.</param>
/// <param name="Goals">What it is to keep within its limits.</param>
/// <param name="FenceCommand">
/// Switches a host's power off: a program and its arguments, to which the host's name is added. Empty: none.
/// </param>
internal sealed record PairPlan(Guid VM, string Folder, IReadOnlyList<string> Hosts, PairGoals Goals, IReadOnlyList<string> FenceCommand)
{
    /// <summary>How checkpoints are made.</summary>
    public CheckpointEngine Engine { get; init; }

    /// <summary>
    /// With COLO: what makes the checkpoints of checkpoint mode; null: COLO itself, whose standby stands still between them.
    /// </summary>
    public CheckpointEngine? CheckpointsBy { get; init; }

    /// <summary>Which rule chooses the mode, for an engine that has more than one; null: checkpoint mode, by the goals.</summary>
    public ModeOptions? Modes { get; init; }

    /// <summary>How long the guest may stand still for a checkpoint by migration, by QEMU's own estimate.</summary>
    public TimeSpan Downtime { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long one checkpoint may take before it is given up.</summary>
    public TimeSpan CheckpointPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Checkpoints by migration may go through the network as they are: the VM's memory, readable by whoever listens.</summary>
    public bool AllowUnencrypted { get; init; }

    /// <summary>
    /// Where this computer sees the files of hosts, by name, which have their VMs' memories: for checkpoints of what has changed.
    /// </summary>
    public IReadOnlyDictionary<string, string> HostRoots { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether a host's files are seen here: its memories of VMs in shared files, say.</summary>
    public bool SeesMemoryOf(IHypervisorLink host) => HostRoots.ContainsKey(host.HostName) || new Uri(host.Uri).Host.Length == 0;

    /// <summary>
    /// A QEMU at the console's gate is of this computer, and the kernel tells its end. Not in tests for which each of the hosts stands
    /// for a
    /// computer of its own.
    /// </summary>
    public bool SeesProcesses { get; init; } = true;

    /// <summary>
    /// With log and replay: how much room recordings may take that are kept when they are over; null: none is kept.
    /// </summary>
    public long? KeepLogBytes { get; init; }

    /// <summary>Its hosts are simulated.</summary>
    public bool IsSimulated { get; init; }

    /// <summary>With log and replay: is awaited at each step of an output, by tests that let something die there.</summary>
    public Func<ReplayStep, Task>? AtReplayStep { get; init; }

    /// <summary>With log and replay: is told how far behind its primary a replica was each time that it has come somewhere.</summary>
    public Action<TimeSpan>? ReplayLagged { get; init; }

    /// <summary>How long the primary may be silent before it is fenced.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a fence may take.</summary>
    public TimeSpan FencePatience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How much output is held before the guest's console waits.</summary>
    public int MaxHeldBytes { get; init; } = 16 << 20;

    /// <summary>
    /// How much a gate holds before the console waits. With log and replay never: when a console goes on is not recorded, and the guest
    /// itself is stopped instead.
    /// </summary>
    public int GateBytes => Engine is CheckpointEngine.LogReplay ? int.MaxValue : MaxHeldBytes;

    /// <summary>Whether checkpoints are made by this engine, always or in a mode.</summary>
    public bool Uses(CheckpointEngine engine) => Engine == engine || CheckpointsBy == engine;

    /// <summary>Where the VM's console is connected to.</summary>
    public string ConsoleSocket => ConsoleSocketOf(standby: null);

    /// <summary>What the outside has seen of the console.</summary>
    public string ConsoleLog => Path.Combine(Folder, "console.log");

    /// <summary>Where the console of a standby is connected to; null: of the VM itself.</summary>
    public string ConsoleSocketOf(int? standby) =>
        Path.Combine(Folder, standby is { } number ? FormattableString.Invariant($"console-ck{number}.sock") : "console.sock");

    public string RecordFile => Path.Combine(Folder, "pair.json");
}
