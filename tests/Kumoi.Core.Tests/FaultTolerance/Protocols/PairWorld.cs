using System.Collections.Immutable;
using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.Tests.FaultTolerance.Protocols;

/// <summary>
/// All there is around a pair, at one moment: hosts, copies of the VM, checkpoints, the gate, what the outside has seen, the journal, and
/// how far the controller is. Everything that a copy has put out is written as letters, one for each output; another letter for each time
/// that the VM went on from a checkpoint, because then it may put out something else.
/// </summary>
internal sealed record PairWorld
{
    public required PairRecord Journal { get; init; }

    /// <summary>
    /// What a copy of the VM has put out, by host; a copy that is there runs, but for the one that is <see cref="Paused"/>.
    /// </summary>
    public required ImmutableSortedDictionary<string, string> Copies { get; init; }

    /// <summary>The host whose copy is restored and not resumed.</summary>
    public string? Paused { get; init; }

    /// <summary>Hosts without power.</summary>
    public ImmutableSortedSet<string> Down { get; init; } = [];

    /// <summary>Hosts that the controller does not reach. They run on.</summary>
    public ImmutableSortedSet<string> Cut { get; init; } = [];

    /// <summary>What each checkpoint's state has put out, by number. Its held output is written with it.</summary>
    public ImmutableSortedDictionary<int, string> Checkpoints { get; init; } = ImmutableSortedDictionary<int, string>.Empty;

    /// <summary>
    /// The hosts that have checkpoints in their memory, by number; empty where checkpoints are on storage that all hosts have.
    /// </summary>
    public ImmutableSortedDictionary<int, string> Keepers { get; init; } = ImmutableSortedDictionary<int, string>.Empty;

    /// <summary>A fence has ended the last copy that there was.</summary>
    public bool HasEndedTheLast { get; init; }

    /// <summary>What the outside has seen.</summary>
    public string Seen { get; init; } = "";

    /// <summary>The gate has had all output since it was opened; not so after the death of the controller that it is in.</summary>
    public bool IsGateWhole { get; init; } = true;

    /// <summary>The output goes out at once.</summary>
    public bool IsGateOpen { get; init; }

    /// <summary>Some output went nowhere.</summary>
    public bool HasGap { get; init; }

    /// <summary>It has run alone, when nothing is promised about its output.</summary>
    public bool RanAlone { get; init; }

    /// <summary>The next step of the action; -1: the controller is dead.</summary>
    public int Step { get; init; }

    public char Letter { get; init; } = 'a';

    public int Faults { get; init; }

    public int Outputs { get; init; }

    /// <summary>Whether the controller reaches the host's libvirt.</summary>
    public bool Answers(string host) => !Down.Contains(host) && !Cut.Contains(host);

    public bool Runs(string host) => Copies.ContainsKey(host) && Paused != host;

    /// <summary>Nothing of the VM is left on the host.</summary>
    public PairWorld Without(string host) => this with
    {
        Copies = Copies.Remove(host),
        Paused = Paused == host ? null : Paused,
        Keepers = Keepers.RemoveRange(Keepers.Where(keeper => keeper.Value == host).Select(static keeper => keeper.Key)),
    };

    /// <summary>
    /// Two worlds with the same key go on in the same ways: only how far a checkpoint's number is from the last one matters.
    /// </summary>
    public string Key
    {
        get
        {
            var checkpoints = Checkpoints.Select(checkpoint => $"{checkpoint.Key - Journal.LastNumber}{checkpoint.Value}");
            return string.Join('|', (int)Journal.Phase, Journal.Primary, Journal.Backup, Journal.Checkpoint?.Number - Journal.LastNumber,
                Journal.Checkpoint?.Cut, string.Join(',', Copies.Select(static copy => copy.Key + copy.Value)), Paused, string.Concat(Down),
                string.Concat(Cut), string.Join(',', checkpoints),
                string.Join(',', Keepers.Select(keeper => $"{keeper.Key - Journal.LastNumber}{keeper.Value}")), HasEndedTheLast, Seen,
                IsGateWhole, IsGateOpen, HasGap, RanAlone, Step, Letter, Faults, Outputs);
        }
    }

    public override string ToString() => $"{Journal.Phase} {Journal.Primary}/{Journal.Backup ?? "-"} {Journal.Checkpoint}; copies "
        + $"{string.Join(' ', Copies.Select(copy => $"{copy.Key}{(Paused == copy.Key ? "(paused)" : "")}:{copy.Value}"))}; seen '{Seen}'";
}
