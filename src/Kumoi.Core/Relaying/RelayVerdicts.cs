using System.Globalization;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Kumoi.Relaying;

/// <summary>
/// What has become of a relay's targets: who was given up, who has all, and what the source hears of it. Whatever decides about a target
/// decides here, one after another.
/// </summary>
internal sealed class RelayVerdicts(RelayTarget[] targets)
{
    private const int MostSaidBytes = 1 << 20; // a pre-copy migration's return path has some 20

    private readonly Lock _gate = new();
    private readonly List<RelayTarget> _complete = [];
    private readonly List<byte> _said = []; // the merged return path
    private readonly Channel<byte[]> _toSource = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TaskCompletionSource _noneLeft = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Something has changed that the source may be waiting for.</summary>
    private readonly Channel<bool> _room =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private volatile bool _hasSourceEnded; // before any target had the whole state
    private volatile SocketException? _sourceLoss;

    /// <summary>Completes when every target was given up.</summary>
    public Task NoneLeft => _noneLeft.Task;

    /// <summary>How the source's connection broke before any target had the whole state; null: it did not.</summary>
    public SocketException? SourceLoss => _sourceLoss;

    /// <summary>The numbers of the targets that have the whole state, in the order in which they said so.</summary>
    public IReadOnlyList<int> Complete
    {
        get
        {
            lock (_gate)
            {
                return [.. _complete.Select(target => Array.IndexOf(targets, target))];
            }
        }
    }

    /// <summary>The merged return path, message by message.</summary>
    public IAsyncEnumerable<byte[]> ReadAnswersAsync(CancellationToken stop) => _toSource.Reader.ReadAllAsync(stop);

    /// <summary>Nothing comes any more for the source to hear.</summary>
    public void EndAnswers() => _toSource.Writer.TryComplete();

    /// <summary>Something has changed that the source may be waiting for.</summary>
    public void SignalRoom() => _room.Writer.TryWrite(true);

    public async ValueTask WaitForRoomAsync(CancellationToken stop) => await _room.Reader.ReadAsync(stop);

    /// <summary>
    /// What the source has sent is of no use to a target that does not have all of it by now, and it is not the target's fault.
    /// </summary>
    public void EndSource(SocketException? loss)
    {
        lock (_gate)
        {
            if (_complete.Count == 0)
            {
                _sourceLoss ??= loss;
                _hasSourceEnded = true;
            }
        }
    }

    public void Hear(RelayTarget target, byte[] message)
    {
        lock (_gate)
        {
            if (!target.IsTaking)
            {
                return;
            }

            var shut = ReturnPathParser.ShutValue(message);
            var known = _said.Count - target.SaidBytes;
            var isNew = known == 0;
            var isSame = known >= message.Length && _said[target.SaidBytes..(target.SaidBytes + message.Length)].SequenceEqual(message);
            var refusal =
                shut is { } value and not 0 ? string.Create(CultureInfo.InvariantCulture, $"it could not load the state (error {value})")
                : target.SaidBytes + message.Length > MostSaidBytes ? "it says too much"
                : !isNew && !isSame ? "it answers differently from the others"
                : null;
            if (refusal is not null)
            {
                Drop(target, refusal);
                return;
            }

            target.SaidBytes += message.Length;
            if (shut == 0)
            {
                target.SayAll();
                _complete.Add(target);
                SignalRoom();
            }

            if (isNew)
            {
                _said.AddRange(message);
                _toSource.Writer.TryWrite(message);
            }
        }
    }

    /// <summary>Gives up a target that does not have all yet.</summary>
    public void Drop(RelayTarget target, string why)
    {
        lock (_gate)
        {
            if (!target.IsTaking)
            {
                return;
            }

            if (_hasSourceEnded)
            {
                target.Leave();
                return;
            }

            target.Drop(why);
            CompleteIfNoneLeft();
        }
    }

    /// <summary>Gives up a target that said that it has all, and cannot have, since ever more comes that it does not take.</summary>
    public void Unsay(RelayTarget target)
    {
        lock (_gate)
        {
            _complete.Remove(target);
            target.Drop("it said that it has the whole state while more of it was to come");
            CompleteIfNoneLeft();
        }
    }

    /// <summary>Within the gate.</summary>
    private void CompleteIfNoneLeft()
    {
        SignalRoom();
        if (Array.TrueForAll(targets, static other => other.Dropped is not null))
        {
            _noneLeft.TrySetResult();
        }
    }
}
