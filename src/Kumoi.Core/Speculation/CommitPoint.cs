using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Speculation;

/// <summary>
/// The commit of an operation on several targets. The invariant: the starting step goes to at most one target that is not yet proven
/// absent. The journal names that target before the step, so that a crash leaves one place at most where the VM can be running.
/// </summary>
/// <param name="log">The journal.</param>
/// <param name="time">The clock.</param>
internal sealed class CommitPoint(SpeculationLog log, TimeProvider time)
{
    /// <summary>How long a host may take to do what it did not answer to. libvirt's own limit of a job is 30 s.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Starts the VM on the first of the candidates on which it starts. Null: on none, and each was proven absent. Not to be cancelled:
    /// from the first starting step on there is no way back but through a proof.
    /// </summary>
    /// <param name="candidates">Complete replicas, the preferred first. Those on which it did not start have their failure then.</param>
    /// <exception cref="JournalException">A step could not be written: the VM runs on none of them.</exception>
    /// <exception cref="HypervisorException">
    /// The outcome is unknown: the VM runs on this candidate, or nowhere, until its host answers.
    /// </exception>
    public async Task<T?> ElectAsync<T>(IReadOnlyList<T> candidates)
        where T : Replica
    {
        foreach (var candidate in candidates)
        {
            await log.StepAsync(SpeculationStep.Finishing, candidate.Name);
            HypervisorException? failure = null;
            try
            {
                await candidate.StartAsync();
            }
            catch (HypervisorException e)
            {
                failure = e;
            }

            var place = await SettleAsync(candidate, failure);
            switch (VerdictOf(candidate, failure, place))
            {
                case true:
                    await log.TellAsync(SpeculationStep.Moved, candidate.Name);
                    candidate.HasWon = place is not VMWhereabouts.Absent ? true : throw Gone(candidate.Name);
                    return candidate;
                case null:
                    throw Undecided(candidate.Name, failure ?? new HypervisorException(
                        $"it reported that it had started the VM, and now reports '{place}'", FaultDomain.Host));
            }

            candidate.Failure = failure;
            try
            {
                await candidate.RemoveAsync(time);
            }
            catch (Exception e) when (e is HypervisorException or OperationCanceledException or JournalException)
            {
                throw Undecided(candidate.Name, e);
            }

            await log.StepAsync(SpeculationStep.Absent, candidate.Name);
        }

        return null;
    }

    /// <summary>
    /// What the candidate's host has of the VM in the end. Without a clear answer the starting step may be under way still, and what the
    /// host has now may not be what it has in a moment.
    /// </summary>
    private async Task<VMWhereabouts> SettleAsync(Replica candidate, HypervisorException? failure)
    {
        var began = time.GetTimestamp();
        var place = await ReadAsync(candidate);
        var pause = FirstPause;
        while (failure is null or { OutcomeUnknown: true }
            && candidate.IsWaiting(place, isAnswered: failure is null)
            && time.GetElapsedTime(began) < Patience)
        {
            await Task.Delay(pause, time);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            if (failure is not null)
            {
                await candidate.TryAgainAsync();
            }

            place = await ReadAsync(candidate);
        }

        return place;
    }

    /// <summary>What its host has of the operation's copy, on a new connection; Unknown where it does not answer.</summary>
    private Task<VMWhereabouts> ReadAsync(Replica candidate) =>
        ReplicaRemains.ReadCopyAsync(candidate.Target, log.VMId, log.Operation, time);

    /// <summary>Whether the VM was started there; null: nobody knows.</summary>
    private static bool? VerdictOf(Replica candidate, HypervisorException? failure, VMWhereabouts place) => place switch
    {
        VMWhereabouts.Running => true,
        VMWhereabouts.Unknown => null,

        // Its guest may have been paused, or may have powered off, in the very moment in which it had been started.
        _ when failure is null => candidate.IsWaiting(place, isAnswered: true) ? null : true,
        _ when candidate.IsWaiting(place, isAnswered: false) => failure.OutcomeUnknown ? null : false,
        VMWhereabouts.Absent => false,
        VMWhereabouts.Off => failure.OutcomeUnknown,
        _ => true,
    };

    private static HypervisorException Undecided(string host, Exception cause) => new(
        $"It is not known whether the VM runs on {host}: {cause.Message.TrimEnd('.')}. "
        + $"It runs nowhere else, and is started nowhere else until {host} answers.",
        FaultDomain.Host, outcomeUnknown: true, error: HypervisorError.ConnectionFailed, innerException: cause,
        recommendedAction: $"When {host} answers again, or is certainly off, run Repair-KumoiOperation.");

    private static HypervisorException Gone(string host) => new(
        $"The VM was started on {host}, which no longer has it: somebody has removed it there, or moved it on. Copies elsewhere are older.",
        FaultDomain.VM, outcomeUnknown: true, error: HypervisorError.VMNotFound,
        recommendedAction: "Find out where the VM went, then run Repair-KumoiOperation.");
}
