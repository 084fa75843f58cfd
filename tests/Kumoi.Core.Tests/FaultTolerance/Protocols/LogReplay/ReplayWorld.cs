using System.Collections.Immutable;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.FaultTolerance.Protocols.LogReplay;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>
/// All there is around a pair that logs and replays, at one moment: the VM on host a, its replica on b, the channel between them, what the
/// outside has seen, the journal. A state of the VM is written as the events that it was given: a for one on host a, b for one on b. What
/// it puts out is the output's id and its state.
/// </summary>
internal sealed record ReplayWorld
{
    /// <summary>Who serves, for which the replica and its log are a checkpoint in the memory of b.</summary>
    public PairRecord Journal { get; init; } =
        new(PairPhase.Protected, "a", "b", new CheckpointMark(1, 0) { Standby = 0 }) { LastNumber = 1 };

    /// <summary>The VM is on a, and runs.</summary>
    public bool RunsOnA { get; init; } = true;

    public string StateOnA { get; init; } = "";

    /// <summary>The side of a; null: it is lost.</summary>
    public ReplayPrimary? Primary { get; init; }

    /// <summary>The states of the outputs that the side of a holds.</summary>
    public ImmutableArray<string> HeldOnA { get; init; } = [];

    /// <summary>What the outside has just got from a, before that is noted there; 0: nothing.</summary>
    public long JustPerformedOnA { get; init; }

    /// <summary>The side of b; null: it is lost, or live.</summary>
    public ReplayBackup? Backup { get; init; }

    /// <summary>The side of b once it is live.</summary>
    public ReplayPrimary? Live { get; init; }

    public string StateOnB { get; init; } = "";

    public ImmutableArray<string> HeldOnB { get; init; } = [];

    public long JustPerformedOnB { get; init; }

    /// <summary>The log on b. With what is written down there it outlives the process, not the host.</summary>
    public ImmutableArray<LogMessage> Log { get; init; } = [];

    /// <summary>The last output that was performed while the log was drained, as it is written down on b.</summary>
    public long WrittenOnB { get; init; }

    public ImmutableArray<LogMessage> ToB { get; init; } = [];

    /// <summary>Acknowledgements in the channel.</summary>
    public ImmutableArray<long> ToA { get; init; } = [];

    public bool IsChannelBroken { get; init; }

    /// <summary>What the outside has got, in order.</summary>
    public ImmutableArray<(long Id, string State)> Seen { get; init; } = [];

    /// <summary>How often something may have been repeated: who performed it has ended before it could tell.</summary>
    public int AllowedRepeats { get; init; }

    public bool IsADown { get; init; }

    public bool IsBDown { get; init; }

    /// <summary>The controller does not reach the host. It runs on.</summary>
    public bool IsACut { get; init; }

    public bool IsBCut { get; init; }

    public int Faults { get; init; }

    /// <summary>The output that the VM on a was last about when something failed first; 0: nothing has.</summary>
    public long Watched { get; init; }

    public bool AAnswers => !IsADown && !IsACut;

    public bool BAnswers => !IsBDown && !IsBCut;

    /// <summary>The highest id that the outside has got.</summary>
    public long LastSeen => Seen.IsEmpty ? 0 : Seen.Max(static output => output.Id);

    public ReplayWorld WithoutChannel => this with { ToA = [], ToB = [] };

    /// <summary>Nothing of the VM is left on a. What it has sent may still arrive.</summary>
    public ReplayWorld WithoutA => WithoutGate with { RunsOnA = false };

    /// <summary>What the gate held is lost.</summary>
    public ReplayWorld WithoutGate => this with
    {
        AllowedRepeats = AllowedRepeats + (Primary is not null && IsUntold ? 1 : 0),
        Primary = null,
        StateOnA = "",
        HeldOnA = [],
        JustPerformedOnA = 0,
        ToA = [],
        IsChannelBroken = true,
    };

    /// <summary>Nothing is left on b: replica, log, and what was written down.</summary>
    public ReplayWorld WithoutB => this with
    {
        Backup = null,
        Live = null,
        StateOnB = "",
        HeldOnB = [],
        JustPerformedOnB = 0,
        Log = [],
        WrittenOnB = 0,
        ToB = [],
        IsChannelBroken = true,
    };

    /// <summary>The outside has the last output from a, and b does not know that.</summary>
    private bool IsUntold => Backup is { IsDraining: false } && Seen is [.., var (id, _)] && Backup.LastPerformed < id;

    /// <summary>Two worlds with the same key go on in the same ways.</summary>
    public string Key
    {
        get
        {
            var key = new WorldKey(stackalloc char[256]);
            key.Add((long)Journal.Phase);
            key.Add(Journal.Primary);
            key.Add(RunsOnA);
            key.Add(JustPerformedOnA);
            key.Add(JustPerformedOnB);
            key.Add(WrittenOnB);
            key.Add(IsChannelBroken);
            key.Add(AllowedRepeats);
            key.Add(IsADown);
            key.Add(IsBDown);
            key.Add(IsACut);
            key.Add(IsBCut);
            key.Add(Faults);
            key.Add(Watched);
            key.Add(StateOnA);
            key.Add(StateOnB);
            foreach (var (id, state) in Seen)
            {
                key.Add(id);
                key.Add(state);
            }

            Add(ref key, Primary);
            Add(ref key, Live);
            Add(ref key, Backup);
            Add(ref key, HeldOnA);
            Add(ref key, HeldOnB);
            Add(ref key, Log);
            Add(ref key, ToB);
            foreach (var number in ToA)
            {
                key.Add(number);
            }

            return key.ToString();
        }
    }

    /// <summary>An output in words.</summary>
    public static string Name(long id, string state) => state.Length == 0 ? $"{id}" : $"{id}[{state}]";

    public override string ToString() =>
        Seen.IsEmpty ? "nothing" : string.Join(", ", Seen.Select(static output => Name(output.Id, output.State)));

    private static void Add(ref WorldKey key, ReplayPrimary? side)
    {
        if (side is not null)
        {
            key.Add(side.Sent);
            key.Add(side.Acknowledged);
            key.Add(side.Notice);
            key.Add(side.LastPerformed);
            key.Add(side.IsAlone);
            for (var at = 0; at < side.Held.Count; at++)
            {
                key.Add(side.Held[at].Number);
            }
        }

        key.Add('|');
    }

    private static void Add(ref WorldKey key, ReplayBackup? side)
    {
        if (side is not null)
        {
            key.Add(side.Received);
            key.Add((long)side.Ahead.Count);
            key.Add(side.LastReplayed);
            key.Add(side.LastPerformed);
            key.Add((long)side.Held.Count);
            key.Add(side.IsDraining);
        }

        key.Add('|');
    }

    private static void Add(ref WorldKey key, ImmutableArray<string> held)
    {
        foreach (var state in held)
        {
            key.Add(state);
        }

        key.Add('|');
    }

    private static void Add(ref WorldKey key, ImmutableArray<LogMessage> messages)
    {
        foreach (var message in messages)
        {
            key.Add(message.Number);
            key.Add(message switch
            {
                LogMessage.Events => 'e',
                LogMessage.Output => 'o',
                _ => 'p',
            });
        }

        key.Add('|');
    }
}
