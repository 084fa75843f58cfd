using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Speculation;

/// <summary>
/// The commit of an operation on several targets. The invariant: the starting step goes to at most one target that is not yet proven
/// absent. The journal names that target before the step, so that a crash leaves one place at most where the VM can be running.
/// </summary>
internal static class Election
{
    /// <summary>
    /// Starts the VM on the first of the candidates on which it starts. Null: on none, and each was proven absent. Not to be cancelled: from
    /// the first starting step on there is no way back but through a proof.
    /// </summary>
    /// <param name="log">The journal.</param>
    /// <param name="candidates">Complete replicas, the preferred first.</param>
    /// <param name="host">A candidate's host.</param>
    /// <param name="start">The starting step.</param>
    /// <param name="read">What the candidate's host has of the VM, on a new connection.</param>
    /// <param name="isStarted">Whether that is a VM that was started.</param>
    /// <param name="abandon">Leaves nothing behind, and sees it.</param>
    /// <param name="failed">Is told why a candidate did not win.</param>
    /// <exception cref="JournalException">A step could not be written: the VM runs on none of them.</exception>
    /// <exception cref="HypervisorException">The outcome is unknown: the VM runs on this candidate, or nowhere, until its host answers.</exception>
    public static async Task<T?> ElectAsync<T>(
        SpeculationLog log,
        IReadOnlyList<T> candidates,
        Func<T, string> host,
        Func<T, Task> start,
        Func<T, Task<VMPlace>> read,
        Func<VMPlace, bool> isStarted,
        Func<T, Task> abandon,
        Action<T, Exception> failed)
        where T : class
    {
        foreach (var candidate in candidates)
        {
            await log.StepAsync(SpeculationStep.Finishing, host(candidate));
            Exception? failure = null;
            try
            {
                await start(candidate);
            }
            catch (HypervisorException e)
            {
                failure = e;
            }

            // Whatever the call said: what the host has is what happened.
            var place = await read(candidate);
            if (isStarted(place))
            {
                await log.TellAsync(SpeculationStep.Moved, host(candidate));
                return candidate;
            }

            failure ??= new HypervisorException(
                $"{host(candidate)} said that it had started the VM, and has it {place}.", FaultDomain.Host, error: HypervisorError.Other,
                recommendedAction: "Look at the host's logs.");
            if (place is VMPlace.Unknown)
            {
                throw Undecided(host(candidate), failure);
            }

            failed(candidate, failure);
            try
            {
                await abandon(candidate);
            }
            catch (Exception e) when (e is HypervisorException or OperationCanceledException or JournalException)
            {
                throw Undecided(host(candidate), e);
            }

            await log.StepAsync(SpeculationStep.Absent, host(candidate));
        }

        return null;
    }

    private static HypervisorException Undecided(string host, Exception cause) => new(
        $"Nobody knows whether the VM runs on {host}: {cause.Message.TrimEnd('.')}. It runs nowhere else, and is started nowhere else until {host} has told.",
        FaultDomain.Host, outcomeUnknown: true, error: HypervisorError.ConnectionFailed, innerException: cause,
        recommendedAction: $"When {host} answers again, or was turned off for certain, run Repair-KumoiOperation.");
}
