using Kumoi.Hypervisors;

namespace Kumoi.Speculation;

/// <summary>A complete replica, which can be the winner.</summary>
internal interface ICommitCandidate
{
    /// <summary>Its host.</summary>
    string Name { get; }

    /// <summary>The starting step.</summary>
    Task StartAsync();

    /// <summary>The starting step once more, where that does no harm. Does not fail.</summary>
    Task TryAgainAsync();

    /// <summary>What its host has of the operation's copy, on a new connection; Unknown where it does not answer.</summary>
    Task<VMWhereabouts> ReadAsync();

    /// <summary>Whether what the host has is not started yet, or is between two states.</summary>
    /// <param name="place">What the host has.</param>
    /// <param name="isAnswered">The host has said that the starting step took effect.</param>
    bool IsWaiting(VMWhereabouts place, bool isAnswered);

    /// <summary>Leaves nothing behind, and sees it.</summary>
    Task AbandonAsync();
}
