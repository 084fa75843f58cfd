using System.Collections.Immutable;
using System.Text;
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
    public ImmutableList<string> HeldOnA { get; init; } = [];

    /// <summary>What the outside has just got from a, before that is noted there; 0: nothing.</summary>
    public long JustPerformedOnA { get; init; }

    /// <summary>The side of b; null: it is lost, or live.</summary>
    public ReplayBackup? Backup { get; init; }

    /// <summary>The side of b once it is live.</summary>
    public ReplayPrimary? Live { get; init; }

    public string StateOnB { get; init; } = "";

    public ImmutableList<string> HeldOnB { get; init; } = [];

    public long JustPerformedOnB { get; init; }

    /// <summary>The log on b. With what is written down there it outlives the process, not the host.</summary>
    public ImmutableList<LogMessage> Log { get; init; } = [];

    /// <summary>The last output that was performed while the log was drained, as it is written down on b.</summary>
    public long WrittenOnB { get; init; }

    public ImmutableList<LogMessage> ToB { get; init; } = [];

    /// <summary>Acknowledgements in the channel.</summary>
    public ImmutableList<long> ToA { get; init; } = [];

    public bool IsChannelBroken { get; init; }

    /// <summary>What the outside has got, in order.</summary>
    public ImmutableList<(long Id, string State)> Seen { get; init; } = [];

    /// <summary>How often something may have been repeated: who performed it has ended before it could tell.</summary>
    public int AllowedRepeats { get; init; }

    public bool IsADown { get; init; }

    public bool IsBDown { get; init; }

    /// <summary>The controller does not reach the host. It runs on.</summary>
    public bool IsACut { get; init; }

    public bool IsBCut { get; init; }

    /// <summary>Of a VM that runs.</summary>
    public bool HasLostGate { get; init; }

    /// <summary>The replica was lost with its host, not ended by a fence.</summary>
    public bool HasLostBackup { get; init; }

    public int Faults { get; init; }

    /// <summary>The output that the VM on a was last about when something failed first; 0: nothing has.</summary>
    public long Watched { get; init; }

    public bool AAnswers => !IsADown && !IsACut;

    public bool BAnswers => !IsBDown && !IsBCut;

    /// <summary>The id of the last output that the outside has got without a gap before it.</summary>
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
            var key = new StringBuilder(96);
            Add((int)Journal.Phase, Journal.Primary[0], RunsOnA, JustPerformedOnA, JustPerformedOnB, WrittenOnB, IsChannelBroken);
            Add(AllowedRepeats, IsADown, IsBDown, IsACut, IsBCut, HasLostGate, HasLostBackup, Faults, Watched);
            key.Append(StateOnA).Append(StateOnB);
            foreach (var (id, state) in Seen)
            {
                key.Append((char)id).Append(state);
            }

            Side(Primary);
            Side(Live);
            if (Backup is { } backup)
            {
                key.Append('|');
                Add(backup.Received, backup.Ahead.Count, backup.LastReplayed, backup.LastPerformed, backup.Held.Count, backup.IsDraining);
            }

            key.Append('|').AppendJoin(',', HeldOnA).Append('|').AppendJoin(',', HeldOnB);
            Messages(Log);
            Messages(ToB);
            key.Append('|');
            foreach (var number in ToA)
            {
                key.Append((char)number);
            }

            return key.ToString();

            void Add(params ReadOnlySpan<Small> values)
            {
                foreach (var value in values)
                {
                    key.Append(value.Character);
                }
            }

            void Side(ReplayPrimary? side)
            {
                key.Append('|');
                if (side is not null)
                {
                    Add(side.Sent, side.Acknowledged, side.Notice, side.LastPerformed, side.IsAlone);
                    foreach (var output in side.Held)
                    {
                        key.Append((char)output.Number);
                    }
                }
            }

            void Messages(ImmutableList<LogMessage> messages)
            {
                key.Append('|');
                foreach (var message in messages)
                {
                    key.Append((char)message.Number).Append(message switch
                    {
                        LogMessage.Events => 'e',
                        LogMessage.Output => 'o',
                        _ => 'p',
                    });
                }
            }
        }
    }

    public override string ToString() =>
        Seen.IsEmpty ? "nothing" : string.Join(", ", Seen.Select(static output => ReplaySteps.Name(output.Id, output.State)));

    /// <summary>A small number, a flag or a letter, as one character of a key.</summary>
    private readonly record struct Small(char Character)
    {
        public static implicit operator Small(long value) => new((char)(value + 1));

        public static implicit operator Small(bool value) => new(value ? 'y' : 'n');

        public static implicit operator Small(char value) => new(value);
    }
}
