using System.Text.Json.Nodes;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>The way of a VM into COLO, and out of it.</summary>
internal sealed class ColoEntry(
    PairPlan plan, StandbyMaker maker, ColoFile file, StandbyLog standbyLog, ColoNetwork network, TimeProvider time)
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(3);

    /// <summary>Brings the job's primary and a new standby on its backup into COLO.</summary>
    /// <exception cref="HypervisorException">They are not in it, and nothing is left of it.</exception>
    public async Task<ColoCourse> EnterAsync(CheckpointJob job, CancellationToken cancellationToken)
    {
        var host = job.Backup ?? throw StandbyStart.NoBackup();
        var number = maker.Next(job, job.Committed);
        var attempt = Guid.NewGuid().ToString("N");
        var id = PairDomains.Of(plan.VM, number);
        await RefuseAsync(job.Primary, PairDomains.Of(plan.VM, job.Standby), cancellationToken);
        file.Write(new ColoStep(host.HostName, number, attempt));
        standbyLog.Remove(number);
        (await maker.StartAsync(
            job, number, attempt, cancellationToken, domain => standbyLog.AddTo(domain, number, plan.ConsoleSocketOf(number)))).Dispose();
        ColoQemu? primary = null;
        ColoQemu? standby = null;
        ComparerNotices? notices = null;
        try
        {
            await RefuseAsync(host, id, cancellationToken);
            standby = await ColoQemu.BeginAsync(host, id, time, cancellationToken);
            primary = await ColoQemu.BeginAsync(job.Primary, PairDomains.Of(plan.VM, job.Standby), time, cancellationToken);
            await KeepQuietAsync(host, id, cancellationToken);
            var cards = await network.OpenStandbyAsync(host, id, number, cancellationToken);
            await standby.AllowColoAsync(true, cancellationToken);
            var address = await StandbyAddress.ListenAsync(plan, host, id, number, cancellationToken);
            await primary.AllowColoAsync(true, cancellationToken);
            await primary.CheckpointAsync(cancellationToken);
            await primary.MigrateAsync(address, cancellationToken);
            await UntilInAsync(primary, standby, cancellationToken);
            if (cards.Count > 0)
            {
                notices = network.Listen();
                await ColoNetwork.CloseAsync(job.Primary, primary.Domain, cancellationToken); // what a dead controller has left there
                await network.OpenPrimaryAsync(job.Primary, primary.Domain, cards, cancellationToken);
            }

            return new ColoCourse { Number = number, Attempt = attempt, Primary = primary, Standby = standby, Notices = notices };
        }
        catch
        {
            await (primary?.DisposeAsync() ?? ValueTask.CompletedTask);
            await (standby?.DisposeAsync() ?? ValueTask.CompletedTask);
            notices?.Dispose();
            using var limit = new CancellationTokenSource(plan.CheckpointPatience, time);
            await LeaveAsync(
                job.Primary, PairDomains.Of(plan.VM, job.Standby), host, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    /// <summary>The primary goes on by itself. First the standby ends, which may run.</summary>
    /// <param name="primary">The primary's host.</param>
    /// <param name="domain">What the VM is there.</param>
    /// <param name="backup">The standby's host.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="HypervisorException">The primary does not answer.</exception>
    public async Task LeaveAsync(IHypervisorLink primary, Guid domain, IHypervisorLink? backup, CancellationToken cancellationToken)
    {
        if (file.Read() is not { } step)
        {
            return;
        }

        if (backup is not null && PairDomains.Of(plan.VM, step.Standby) is var standby && standby != domain)
        {
            try
            {
                await backup.SendAsync(new RemoveStandby(plan.VM, standby), cancellationToken);
            }
            catch (HypervisorException)
            {
                // Its console and its cards lead nowhere, and it is removed before another one is made there, and when it is fenced.
            }
        }

        await ColoNetwork.CloseAsync(primary, domain, cancellationToken);
        await using var qemu = await ColoQemu.BeginAsync(primary, domain, time, cancellationToken);
        if (!await qemu.LeaveAsync(cancellationToken) && await qemu.MigrationAsync(cancellationToken) is "setup" or "active")
        {
            await primary.SendAsync(new QemuCommand(domain, "migrate_cancel"), cancellationToken);
            await qemu.UntilAsync(
                async token => await qemu.MigrationAsync(token) is "cancelled" or "failed" or "completed", "end a migration",
                cancellationToken);
        }

        await qemu.AllowColoAsync(false, cancellationToken);
        if (step.MayStand && await qemu.StatusAsync(cancellationToken) is "paused")
        {
            await qemu.ContinueAsync(cancellationToken);
        }

        file.Remove();
    }

    /// <summary>
    /// A standby's guest announces nothing when it has taken a checkpoint: it runs along, and would send what the VM does not. QEMU tells it
    /// to a hundred seconds later, its longest time, and each checkpoint begins them anew.
    /// </summary>
    /// <remarks>Not by no rounds at all: QEMU does not live through a reset of such a guest's virtio card (docs/decisions.md).</remarks>
    private static async Task KeepQuietAsync(IHypervisorLink host, Guid standby, CancellationToken cancellationToken) =>
        await host.SendAsync(
            new QemuCommand(
                standby,
                "migrate-set-parameters",
                new JsonObject { ["announce-rounds"] = 1, ["announce-initial"] = 100_000, ["announce-max"] = 100_000 }),
            cancellationToken);

    private async Task UntilInAsync(ColoQemu primary, ColoQemu standby, CancellationToken cancellationToken)
    {
        while (await primary.MigrationAsync(cancellationToken) is var status && status is not "colo")
        {
            if (status is "failed" or "cancelled" or "completed")
            {
                throw new HypervisorException(
                    $"QEMU on {primary.Host.HostName} could not begin COLO: {status}.", FaultDomain.Network, isTransient: true,
                    error: HypervisorError.Aborted, recommendedAction: "Check the network between the two hosts, and QEMU's logs of both.");
            }

            await Task.Delay(BetweenLooks, time, cancellationToken);
        }

        await primary.UntilAsync(
            async token => await primary.ModeAsync(token) is "primary" && await standby.ModeAsync(token) is "secondary"
                && await standby.StatusAsync(token) is "running" && await primary.StatusAsync(token) is "running",
            "come into COLO", cancellationToken);
    }

    private async Task RefuseAsync(IHypervisorLink host, Guid domain, CancellationToken cancellationToken)
    {
        var answer = await host.SendAsync(new QemuCommand(domain, "query-version"), cancellationToken);
        if (ColoVersions.Judge(ColoVersions.Of(answer)) is { } why)
        {
            throw new HypervisorException(
                $"{why} ({host.HostName}).", FaultDomain.Host, error: HypervisorError.NotSupported,
                recommendedAction: ColoVersions.Remedy);
        }
    }
}
