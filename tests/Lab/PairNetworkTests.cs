using Kumoi.FaultTolerance.Protocols;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs whose guest is a Linux with a network card: what a client has been told is never taken back.</summary>
public sealed class PairNetworkTests(RealLab lab) : PairTest(lab)
{
    [Fact]
    public async Task What_a_client_has_been_told_by_TCP_is_not_taken_back_whichever_host_loses_its_power_and_when()
    {
        var hosts = Lab.Choose(3, static host => !host.IsNewer);
        var random = new Random(Random.Shared.Next());
        await using var controller = await ProtectAsync("linux", hosts);
        await using var client = new CountingClient(GuestAddress);
        await client.BeginAsync();
        var running = await RunAsync(controller, hosts[0]);
        var first = client.Count + 1;
        await client.GoesOnAsync();
        for (var loss = 0; loss < Losses; loss++)
        {
            var primary = controller.Record!.Primary;
            await Task.Delay(random.Next(400));
            var tookOver = Until(controller, running, (happened, _) => happened is PairEvent.TookOver);
            await Lab.HurtAsync("power-off", primary);
            await tookOver;
            await Lab.MakeWellAsync(primary);
            await Until(controller, running, (_, record) => record.Phase is PairPhase.Protected);
            await client.GoesOnAsync();
        }

        var latencies = client.LatenciesFrom(first);
        await StopAsync(controller, running);
        await client.GoesOnAsync(10); // nothing is held any more
        Say($"{Losses} power losses, {latencies.Count} answers, each once; latency {latencies[latencies.Count / 2]:0} ms (median), "
            + $"{latencies[^1]:0} ms (longest, over a power loss)");
    }
}
