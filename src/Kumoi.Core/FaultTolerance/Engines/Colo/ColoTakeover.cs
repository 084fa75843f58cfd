using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>
/// How a standby of COLO becomes the VM, when the primary is fenced. It can be done again from the beginning, whatever another controller
/// has done of it.
/// </summary>
internal sealed class ColoTakeover(
    PairPlan plan, ConsoleLog log, StandbyMaker maker, ColoFile file, StandbyLog standbyLog, HeldOutput held, TimeProvider time)
{
    /// <summary>How long a standby may seem to take a checkpoint that nobody sends any more.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(5);

    /// <summary>Whether all that the standby has put out since the checkpoint is known.</summary>
    public bool KnowsOutput(CheckpointMark checkpoint) => checkpoint.StandbyOutput == 0 && log.Length <= checkpoint.Cut
        || standbyLog.LengthOf(checkpoint.Standby!.Value) >= checkpoint.StandbyOutput + Math.Max(0, log.Length - checkpoint.Cut);

    /// <summary>
    /// Lets the standby out of COLO, paused, and lets out what it has put out. Returns the gate of its console, which counts on from there.
    /// </summary>
    /// <param name="host">Where it is.</param>
    /// <param name="checkpoint">The last checkpoint that is written down. It may have the one after it.</param>
    /// <param name="cancellationToken">Leaves it where it is.</param>
    public async Task<ConsoleGate> BringAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var number = checkpoint.Standby ?? throw new InvalidOperationException($"{checkpoint} is in no standby.");
        var domain = PairDomains.Of(plan.VM, number);
        await using var standby = await ColoQemu.BeginAsync(host, domain, time, cancellationToken);
        held.Release(checkpoint, log);
        if (file.Read() is { Asked: { } asked } step && asked.Attempt == checkpoint.Attempt && asked.Number > checkpoint.Number)
        {
            // Before the standby is let out of COLO, after which it runs in any case.
            var isTaken = step.IsTaken || await HasTakenAsync(standby, cancellationToken);
            file.Write(step with { Asked = isTaken ? asked : null, IsTaken = isTaken });
            if (isTaken)
            {
                held.Release(asked, log);
                checkpoint = asked;
            }
        }

        await ColoNetwork.CloseAsync(host, domain, cancellationToken);
        await standby.LeaveAsync(cancellationToken);
        await standby.StopAsync(cancellationToken);
        await standby.AllowColoAsync(false, cancellationToken);
        var output = standbyLog.Read(number, checkpoint.StandbyOutput);
        log.Append(checkpoint.Cut, output);
        await StandbyStart.AnnounceAsync(host, domain, cancellationToken);
        return await maker.GateAsync(known: null, host, number, checkpoint.Cut + output.Length, cancellationToken);
    }

    /// <summary>
    /// Whether it has taken the checkpoint that was asked for last. It stood still when that was asked for, and goes on by taking it; nobody
    /// stops it before that is written down.
    /// </summary>
    private async Task<bool> HasTakenAsync(ColoQemu standby, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (true)
        {
            switch (await standby.StatusAsync(cancellationToken))
            {
                case "running":
                    return true;
                case "paused":
                    return false;
                default:
                    if (time.GetElapsedTime(since) > Settling)
                    {
                        return false; // the primary is fenced: what has not come yet does not come
                    }

                    await Task.Delay(BetweenLooks, time, cancellationToken);
                    break;
            }
        }
    }
}
