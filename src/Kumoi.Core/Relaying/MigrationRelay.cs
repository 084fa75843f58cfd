using System.Net;
using System.Net.Sockets;
using Kumoi.Hypervisors;

namespace Kumoi.Relaying;

/// <summary>
/// Copies the one stream of a migration's source to several targets, and merges what they answer into one return path.
/// <para>
/// The source goes at the pace of the fastest target. It never waits for another one: who falls behind the fastest by more than its buffer
/// is dropped at once. The last one left is the fastest.
/// </para>
/// <para>
/// The source hears the longest return path that any target has said, message by message; so the death of any of them is covered. A
/// target's SHUT(0) says that it has the whole state. With no target left the source's connection is closed.
/// </para>
/// <para>
/// A source that ends before any target has the whole state is no target's failure: what they do about it is not held against them.
/// </para>
/// </summary>
internal sealed class MigrationRelay : IDisposable
{
    private readonly RelayListener _listener;
    private readonly RelayTarget[] _targets;
    private readonly RelayVerdicts _verdicts;
    private readonly RelayTaker[] _takers;
    private readonly RelayLimits _limits;
    private readonly RelaySource _source;

    /// <summary>Listens at once, on a port that the system chooses.</summary>
    /// <param name="address">Where.</param>
    /// <param name="isSource">Who may connect: others are turned away.</param>
    /// <param name="targets">Names, and where they wait for the stream.</param>
    /// <param name="budget">When a target is given up.</param>
    /// <param name="hearingPatience">
    /// How long the source may leave unacknowledged what it is told; where this computer's system can tell.
    /// </param>
    /// <param name="time">The clock of the budget.</param>
    /// <exception cref="SocketException">The address is not of this computer.</exception>
    public MigrationRelay(
        IPAddress address,
        Func<IPAddress, bool> isSource,
        IEnumerable<(string Name, EndPoint EndPoint)> targets,
        ReplicaBudget budget,
        TimeSpan hearingPatience,
        TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(budget.BufferBytes, 4, nameof(budget));
        _targets = [.. targets.Select(static target => new RelayTarget(target.Name, target.EndPoint))];
        _verdicts = new RelayVerdicts(_targets);
        _takers = [.. _targets.Select(target => new RelayTaker(target, _verdicts, budget))];
        _limits = new RelayLimits(_targets, _verdicts, budget, time);
        _source = new RelaySource(_targets, _verdicts, budget, hearingPatience);
        _listener = new RelayListener(address, isSource);
    }

    /// <summary>Where the source is to connect.</summary>
    public IPEndPoint EndPoint => _listener.EndPoint;

    /// <summary>Completes when every target was given up.</summary>
    public Task NoneLeft => _verdicts.NoneLeft;

    /// <summary>How many bytes the source has sent.</summary>
    public long ReceivedBytes => _source.ReceivedBytes;

    /// <summary>Who was turned away last; null: nobody.</summary>
    public IPAddress? Refused => _listener.Refused;

    /// <summary>How the source's connection broke before any target had the whole state; null: it did not.</summary>
    public SocketException? SourceLoss => _verdicts.SourceLoss;

    /// <summary>The source's connection broke because the source does not acknowledge what it is told.</summary>
    public bool IsSourceDeaf => SourceLoss?.SocketErrorCode is SocketError.TimedOut;

    /// <summary>The numbers of the targets that have the whole state, in the order in which they said so.</summary>
    public IReadOnlyList<int> Complete => _verdicts.Complete;

    public IReadOnlyList<ReplicaProgress> ReadProgress() => [.. _targets.Select(static target => target.Read())];

    /// <summary>
    /// Relays one connection. Returns when both sides have ended, when no target is left, or when it is cancelled; every connection is
    /// closed then.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] takers = [.. _takers.Select(taker => Part(() => taker.ServeAsync(stop.Token), stop))];
        var limits = Part(() => _limits.WatchAsync(stop.Token), stop);
        var source = Part(() => ServeSourceAsync(Task.WhenAll(takers), stop.Token), stop);
        await Task.WhenAny(source, NoneLeft);
        await stop.CancelAsync();
        await Task.WhenAll([source, limits, .. takers]);
        foreach (var target in _targets)
        {
            target.End();
            target.Clear();
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var target in _targets)
        {
            target.Dispose();
        }
    }

    /// <summary>A part of the work. It ends with the whole; what it does not expect ends the whole.</summary>
    private static async Task Part(Func<Task> work, CancellationTokenSource stop)
    {
        try
        {
            await work();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It was told to end.
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }

    private async Task ServeSourceAsync(Task takers, CancellationToken stop)
    {
        using var source = await _listener.AcceptAsync(stop);
        await _source.ServeAsync(source, takers, stop);
    }
}
