using System.Xml.Linq;
using Kumoi.FaultTolerance.Gates;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>Starts a replica, and lets it come to where its VM is.</summary>
internal sealed class ReplayStart(PairPlan plan, ReplayFiles files, ConsoleLog log, TimeProvider time)
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(3);

    private static readonly TimeSpan BetweenRates = TimeSpan.FromMilliseconds(100);

    /// <summary>From when on the two can be compared.</summary>
    private static readonly TimeSpan RateTime = TimeSpan.FromMilliseconds(300);

    /// <summary>Begins to follow the VM.</summary>
    /// <param name="job">What is wanted.</param>
    /// <param name="brake">Of the VM. It is to have the course's lag afterwards.</param>
    /// <param name="made">Is told of each standby that was made, whatever becomes of the rest.</param>
    /// <param name="cancellationToken">Leaves all as it is.</param>
    /// <exception cref="HypervisorException">It cannot be followed.</exception>
    /// <exception cref="IOException">The log cannot be sent.</exception>
    public async Task<ReplayCourse> BeginAsync(
        CheckpointJob job, ReplayBrake brake, Action<IHypervisorLink, Guid> made, CancellationToken cancellationToken)
    {
        var primary = brake.Primary;
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
        ReplayMoments? moments = null;
        try
        {
            successor = await ReplaySuccessor.StartAsync(plan, files, log, live, backup, free[0], attempt, time, cancellationToken);
            made(backup, successor.Domain);

            // A replica that finds the log's end ends, and one that waits replays all that is not the guest's own: the log must have what
            // the guest has done.
            var standing = await primary.CountAsync(cancellationToken);
            await UntilAsync(primary, stream, count => count > standing, cancellationToken);
            var all = stream.Recorded + LogStream.Lot;
            await UntilAsync(primary, stream, _ => stream.Sent >= all, cancellationToken);
            (var replica, echo) = await ReplicaAsync(plan, files, live, backup, free[1], attempt, time, cancellationToken);
            made(backup, replica.Domain);

            var (count, position, recorded) = await CatchUpAsync(job, brake, replica, stream, cancellationToken);
            var origin = position - echo.BeginAt(position);

            moments = plan.KeepLogBytes is null ? null : ReplayMoments.Append(
                files.Moments(recording), await primary.VersionAsync(cancellationToken), job.Primary.HostName);
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
                Moments = moments,
                Origin = origin,
            };
            course.Follow(recorded);
            return course;
        }
        catch
        {
            moments?.Dispose();
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
    /// Lets a replica come to where the VM is, as far as that can be: what the VM has done meanwhile is little then. A VM that is recorded
    /// faster than it is replayed has to wait, or the replica would never come there. It waits from when that shows, and never while the
    /// log has to grow: of a VM that stands still QEMU writes next to nothing down.
    /// </summary>
    /// <returns>Where it stands, and how long the log is up to there.</returns>
    private async Task<(long Count, long Position, long Recorded)> CatchUpAsync(
        CheckpointJob job, ReplayBrake brake, QemuReplay replica, LogStream stream, CancellationToken cancellationToken)
    {
        // Where the replica stands, and how long the log is up to there.
        var (behind, log) = (await replica.CountAsync(cancellationToken), 0L);
        var isSlow = false;
        while (true)
        {
            var (count, position) = await FindAsync(brake, cancellationToken);
            var recorded = stream.Recorded;
            await UntilAsync(brake.Primary, stream, _ => stream.Sent >= recorded + LogStream.Lot, cancellationToken);
            var way = recorded - log;
            brake.Lag = isSlow ? () => ReplayLag.Hold : () => new ReplayLag(TimeSpan.Zero, stream.Recorded - recorded - way);
            var since = time.GetTimestamp();
            using (var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
            {
                var slow = isSlow ? Task.FromResult(false) : IsSlowAsync(brake, replica, (behind, count), watching.Token);
                var arriving = replica.GoToAsync(count, cancellationToken);
                if (await Task.WhenAny(slow, arriving) == slow && slow.IsCompletedSuccessfully && slow.Result)
                {
                    brake.Lag = () => ReplayLag.Hold;
                }

                await arriving;
                await watching.CancelAsync();
                await ((Task)slow).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            if (isSlow || (time.GetElapsedTime(since) < ReplayLag.Longest / 2 && stream.Recorded - recorded < ReplayLag.MostBytes / 2))
            {
                return (count, position, recorded);
            }

            if (job.Committed is null)
            {
                brake.Console.Open(true); // the replica will be told of what comes later
            }

            // What is left must become less each time.
            isSlow = brake.IsOn || await brake.Primary.CountAsync(cancellationToken) - count > (count - behind) / 2;
            brake.Lag = null; // it runs, or the log would not grow
            (behind, log) = (count, recorded);
        }
    }

    /// <summary>
    /// Whether the VM does more than half as much as the replica, from soon after the replica has begun: then what is left will not
    /// become less.
    /// </summary>
    private async Task<bool> IsSlowAsync(
        ReplayBrake brake, QemuReplay replica, (long From, long To) way, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while (true)
        {
            await Task.Delay(BetweenRates, time, cancellationToken);
            var done = await replica.CountAsync(cancellationToken) - way.From;
            var more = await brake.Primary.CountAsync(cancellationToken) - way.To;
            if (time.GetElapsedTime(begun) > RateTime && more > done / 2)
            {
                return true;
            }
        }
    }

    /// <summary>
    /// An instruction, and exactly how much the VM had put out by then: a replica puts out again all that it replays, also what nobody has
    /// taken. The VM is stopped for that moment: of one that runs QEMU does not know the count, but that of some moments before. What it
    /// puts out from then on is held.
    /// </summary>
    private static Task<(long Count, long Position)> FindAsync(ReplayBrake brake, CancellationToken cancellationToken) =>
        brake.WhileItStandsAsync(
            async () => (await brake.Primary.CountAsync(cancellationToken), brake.Console.Cut()), cancellationToken);

    /// <summary>Asks the primary again and again, which makes its log grow, too: what it has done is in the log the sooner.</summary>
    private async Task UntilAsync(QemuReplay primary, LogStream stream, Func<long, bool> isSo, CancellationToken cancellationToken)
    {
        var count = await primary.CountAsync(cancellationToken);
        var progress = new ReplayProgress(count, stream.Sent, plan.CheckpointPatience, time);
        while (!isSo(count))
        {
            progress.ThrowIfOver();
            await Task.Delay(BetweenLooks, time, cancellationToken);
            count = await primary.CountAsync(cancellationToken);
            progress.See(count, stream.Sent);
        }
    }
}
