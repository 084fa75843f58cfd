using System.Xml.Linq;
using Kumoi.FaultTolerance.Gates;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>Starts a replica, and lets it come to where its VM is.</summary>
internal sealed class ReplayStart(PairPlan plan, ReplayFiles files, ConsoleLog log, TimeProvider time)
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(3);

    /// <summary>How long a VM has to pause in its output by itself, before it is stopped for a moment.</summary>
    private static readonly TimeSpan QuietPatience = TimeSpan.FromMilliseconds(200);

    /// <summary>Begins to follow the VM.</summary>
    /// <param name="job">What is wanted.</param>
    /// <param name="primary">The VM's QEMU.</param>
    /// <param name="made">Is told of each standby that was made, whatever becomes of the rest.</param>
    /// <param name="cancellationToken">Leaves all as it is.</param>
    /// <exception cref="HypervisorException">It cannot be followed.</exception>
    /// <exception cref="IOException">The log cannot be sent.</exception>
    public async Task<ReplayCourse> BeginAsync(
        CheckpointJob job, QemuReplay primary, Action<IHypervisorLink, Guid> made, CancellationToken cancellationToken)
    {
        var backup = job.Backup ?? throw StandbyStart.NoBackup();
        var live = DomainDefinition.Parse(await job.Primary.SendAsync(new ReadXml(primary.Domain), cancellationToken));
        if (ReplayDefinition.RecordOf(live) is not { } record || !File.Exists(record))
        {
            throw new HypervisorException(
                "The VM is not recorded, and QEMU cannot begin in its middle.", FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Stop the VM (Stop-KumoiVM) and its pair, and begin the pair anew: it starts the VM, recorded.");
        }

        var recording = ReplayFiles.RecordingOf(record);
        var free = Enumerable.Range(0, PairDomains.Standbys)
            .Where(number => number != job.Standby && number != job.Committed?.Standby).ToList();
        var attempt = Guid.NewGuid().ToString("N");
        await backup.SendAsync(new RemoveStandby(plan.VM, PairDomains.Of(plan.VM, free[1])), cancellationToken);
        await File.WriteAllTextAsync(files.Domain(attempt), live.ToString(), cancellationToken);
        if (ReplayDefinition.IsFromBoot(live, plan))
        {
            ReplayImage.Create(files.Start(attempt));
        }
        else
        {
            ReplayImage.CopyForReplica(files.Image(recording), files.Start(attempt));
        }

        var stream = new LogStream(record, files.Log(attempt), time);
        ReplicaConsole? echo = null;
        ReplaySuccessor? successor = null;
        try
        {
            successor = await ReplaySuccessor.StartAsync(plan, files, log, live, backup, free[0], attempt, time, cancellationToken);
            made(backup, successor.Domain);

            // A replica that finds the log's end ends, and one that waits replays all that is not the guest's own: the log must have what
            // the guest has done.
            var standing = await primary.CountAsync(cancellationToken);
            await UntilAsync(primary, count => count > standing, cancellationToken);
            var all = stream.Recorded + LogStream.Lot;
            await UntilAsync(primary, _ => stream.Sent >= all, cancellationToken);
            (var replica, echo) = await ReplicaAsync(plan, files, live, backup, free[1], attempt, time, cancellationToken);
            made(backup, replica.Domain);

            var (count, position) = await FindQuietAsync(primary, job.Console, cancellationToken);
            var needed = stream.Recorded + LogStream.Lot;
            await UntilAsync(primary, _ => stream.Sent >= needed, cancellationToken);
            await replica.GoToAsync(count, cancellationToken);
            echo.BeginAt(position);

            var begun = new ReplayPoint(job.Number - 1, count, position, "");
            var messages = ReplayLog.Create(files.Messages(attempt));
            messages.Write(new ReplayEntry { Begun = begun });
            var course = new ReplayCourse(plan, begun, time)
            {
                Primary = primary,
                Replica = replica,
                Successor = successor,
                Live = live,
                Attempt = attempt,
                Recording = recording,
                Console = job.Console,
                Echo = echo,
                Stream = stream,
                Log = messages,
            };
            course.Follow();
            return course;
        }
        catch
        {
            successor?.Dispose();
            echo?.Dispose();
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a replica on a host, with a console that it is connected to.</summary>
    public static async Task<(QemuReplay Replica, ReplicaConsole Echo)> ReplicaAsync(
        PairPlan plan, ReplayFiles files, XElement live, IHypervisorLink host, int number, string attempt, TimeProvider time,
        CancellationToken cancellationToken)
    {
        File.Copy(files.Start(attempt), files.Replica(attempt), overwrite: true);
        var id = PairDomains.Of(plan.VM, number);
        var echo = new ReplicaConsole(plan.ConsoleSocketOf(number));
        try
        {
            var definition = ReplayDefinition.Replica(live, plan, number, attempt, files.Log(attempt), files.Replica(attempt));
            await host.SendAsync(new StartStandby(plan.VM, id, definition.ToString()), cancellationToken);
            await echo.Connected.WaitAsync(plan.CheckpointPatience, time, cancellationToken);
            return (new QemuReplay(host, id, time), echo);
        }
        catch (TimeoutException e)
        {
            echo.Dispose();
            throw new HypervisorException(
                $"The console of the replica on {host.HostName} was not connected.", FaultDomain.VM, isTransient: true,
                error: HypervisorError.TimedOut, innerException: e, recommendedAction: "See QEMU's log of the replica on its host.");
        }
        catch
        {
            echo.Dispose();
            throw;
        }
    }

    /// <summary>
    /// An instruction, and exactly how much the VM had put out by then: a replica puts out again all that it replays, also what nobody has
    /// taken. A VM that puts out without any pause is stopped for that moment.
    /// </summary>
    private async Task<(long Count, long Position)> FindQuietAsync(
        QemuReplay primary, ConsoleGate console, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (time.GetElapsedTime(since) < QuietPatience)
        {
            var before = console.Drain();
            var quiet = await primary.CountAsync(cancellationToken);
            if (console.Drain() == before)
            {
                return (quiet, before);
            }
        }

        await primary.StopAsync(cancellationToken);
        try
        {
            var count = await primary.CountAsync(cancellationToken);
            return (count, console.Drain());
        }
        finally
        {
            await primary.GoOnAsync(CancellationToken.None);
        }
    }

    /// <summary>Asks the primary again and again, which makes its log grow, too: what it has done is in the log the sooner.</summary>
    private async Task UntilAsync(QemuReplay primary, Func<long, bool> isSo, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (!isSo(await primary.CountAsync(cancellationToken)))
        {
            if (time.GetElapsedTime(since) > plan.CheckpointPatience)
            {
                throw new HypervisorException(
                    FormattableString.Invariant($"The log has not gone on for {plan.CheckpointPatience.TotalSeconds:0.#} s."), FaultDomain.VM,
                    isTransient: true, error: HypervisorError.TimedOut, recommendedAction: "See that the VM runs.");
            }

            await Task.Delay(BetweenLooks, time, cancellationToken);
        }
    }
}
