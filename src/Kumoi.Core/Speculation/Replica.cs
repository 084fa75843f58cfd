using Kumoi.Hypervisors;

namespace Kumoi.Speculation;

/// <summary>One target of an operation on several targets: the copy of the VM that it gets, with its number in its mark.</summary>
internal abstract class Replica(KumoiConnection target, int number)
{
    /// <summary>Ending must not be cut short by what made it necessary, but must not hang either.</summary>
    private static readonly TimeSpan EndingTimeout = TimeSpan.FromSeconds(30);

    public KumoiConnection Target => target;

    public string Name => target.Name;

    public int Number => number;

    /// <summary>Why it did not win.</summary>
    public Exception? Failure { get; set; }

    /// <summary>From its beginning until it could be started, or had failed; for the winner of a migration, until it was started.</summary>
    public TimeSpan Duration { get; set; }

    /// <summary>The starting step went to it.</summary>
    public bool WasNamed { get; private set; }

    /// <summary>The starting step went to it, and it was not seen to have nothing since.</summary>
    public bool MayRun => WasNamed && !IsRemoved;

    public bool HasWon { get; set; }

    /// <summary>It was seen to hold nothing of the operation, and nothing can come any more.</summary>
    public bool IsRemoved { get; set; }

    public bool IsClean => HasWon || IsRemoved;

    /// <summary>What its failure says about its host.</summary>
    protected ReplicaEnding EndingOfFailure =>
        Failure is HypervisorException e && HostReliability.IsOfHost(e.FaultDomain, e.Error) ? ReplicaEnding.Failed : ReplicaEnding.Unknown;

    /// <summary>The starting step.</summary>
    public Task StartAsync()
    {
        WasNamed = true;
        return LetRunAsync();
    }

    /// <summary>The starting step once more, where that does no harm. Does not fail.</summary>
    public abstract Task TryAgainAsync();

    /// <summary>Whether what the host has is not started yet, or is between two states.</summary>
    /// <param name="place">What the host has.</param>
    /// <param name="isAnswered">The host has said that the starting step took effect.</param>
    public abstract bool IsWaiting(VMWhereabouts place, bool isAnswered);

    /// <summary>Leaves nothing behind, and sees it.</summary>
    public async Task RemoveAsync(TimeProvider time)
    {
        if (!IsRemoved)
        {
            await WithinLimitAsync(async limit => IsRemoved = await AbandonAsync(limit), time);
        }
    }

    /// <summary>Does what ends an operation, or a part of it.</summary>
    public static async Task WithinLimitAsync(Func<CancellationToken, Task> ending, TimeProvider time)
    {
        using var limit = new CancellationTokenSource(EndingTimeout, time);
        await ending(limit.Token);
    }

    protected abstract Task LetRunAsync();

    /// <summary>Removes the copy. Returns whether nothing can come of it any more.</summary>
    protected abstract Task<bool> AbandonAsync(CancellationToken cancellationToken);

    protected ReplicaOutcome ToOutcome(string otherwise) =>
        new(Name, HasWon, HasWon ? null : Failure?.Message ?? otherwise, IsClean) { Duration = Duration };
}
