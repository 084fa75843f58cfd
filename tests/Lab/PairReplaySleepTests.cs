using System.Net.Sockets;
using System.Text.Json.Nodes;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs by log and replay whose VM is stopped in the moment in which its guest's sleep ends: QEMU forgets the sleep.</summary>
public sealed class PairReplaySleepTests(RealLab lab) : PairTest(lab)
{
    private string DebuggerSocket => Path.Combine(Plan.Folder, "debugger.sock");

    public static bool IsWanted => PairReplayTests.IsWanted;

    public static TheoryData<string> Generations => ["machine", "newer"];

    [Theory(Skip = "it takes half a minute; run it with KUMOI_LAB_REPLAY=1", SkipUnless = nameof(IsWanted))]
    [MemberData(nameof(Generations))]
    public async Task A_replica_follows_a_VM_that_was_stopped_when_its_guests_sleep_ended_and_takes_over(string generation)
    {
        var hosts = Lab.Choose(2, host => host.Generation == generation);
        await using var controller = await ProtectAsync("idle", hosts, how: plan => plan with
        {
            Engine = CheckpointEngine.LogReplay,
            SeesProcesses = true,
        });
        List<string> failed = [];
        controller.Changed += (happened, _) =>
        {
            if (happened is PairEvent.CheckpointFailed { Reason: var reason })
            {
                failed.Add(reason);
            }
        };
        var running = await RunAsync(controller, hosts[0]);
        await Host(hosts[0]).Link.SendAsync(
            new QemuCommand(
                Id, "human-monitor-command", new JsonObject { ["command-line"] = $"gdbserver unix:{DebuggerSocket},server=on,wait=off" }),
            CancellationToken.None);
        for (var stop = 0; stop < 3; stop++)
        {
            await StopWhenASleepEndsAsync(controller.Record!);
            await ProtectedAgainAsync(controller, running, controller.Record!.LastNumber + 3);
        }

        Assert.Empty(failed);
        Assert.Equal(hosts[0], controller.Record!.Primary);
        Kill(controller.Record);
        await Until(controller, running, static (happened, _) => happened is PairEvent.TookOver);
        await ServesAsync(hosts[1], PairDomains.Of(Id, controller.Record.Standby));
        await StopAsync(controller, running);
    }

    /// <summary>
    /// A debugger that connects stops the VM, at once: before QEMU looks at what is due. All was due while QEMU was frozen.
    /// </summary>
    private async Task StopWhenASleepEndsAsync(PairRecord record)
    {
        var domain = PairDomains.Of(Id, record.Standby);
        var host = Host(record.Primary).Link;
        using var debugger = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using (var qemu = QemuOf(record.Standby))
        {
            Freeze(qemu);
            try
            {
                await debugger.ConnectAsync(new UnixDomainSocketEndPoint(DebuggerSocket));
                await Task.Delay(200); // longer than the guest sleeps
            }
            finally
            {
                Thaw(qemu);
            }
        }

        await Eventually.HoldsAsync(async () => await WhereaboutsAsync(record.Primary, domain) is VMWhereabouts.Paused, "it is stopped");
        await host.SendAsync(new QemuCommand(domain, "cont"), CancellationToken.None);
    }
}
