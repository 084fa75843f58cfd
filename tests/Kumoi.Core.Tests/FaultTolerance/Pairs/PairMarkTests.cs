using Kumoi.Composition;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets;
using Kumoi.Hypervisors.Faults;
using Kumoi.Journal.Sqlite;
using Kumoi.Resilience;
using Kumoi.Tests.Hypervisors.Libvirt;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>What the marks of pairs on hosts tell those who have another journal, or have lost theirs. By libvirt's test driver.</summary>
public sealed class PairMarkTests : LibvirtTest
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-marks-");

    [Fact]
    public async Task A_pair_that_no_journal_here_has_is_told_by_its_marks_and_whose_it_is()
    {
        await using var journal = new SqliteJournal(Path.Combine(_folder.FullName, "journal"), TimeProvider.System);
        await using var fleet = KumoiFleet.Create(
            [Driver], new PollyCallPolicyFactory(), new FaultPlan(new Random(1), TimeProvider.System), TimeProvider.System, () => journal);
        await foreach (var outcome in fleet.ConnectAsync([new ConnectRequest("test:///default", "node", [])], Deadline))
        {
            _ = outcome.Result;
        }

        await using var pairs = new PairService(fleet, "Session", TimeProvider.System);
        Assert.Empty(await pairs.FindStrangersAsync(Deadline));
        var order = new PairOrder
        {
            Id = Guid.NewGuid(),
            VM = Guid.NewGuid(),
            VMName = "web",
            Primary = "node",
            Hosts = [new PairHost("node", "test:///default"), new PairHost("away", "test:///default")],
            Folder = "/nowhere",
            Goals = new PairGoals(),
        };
        await PairMarking.PutAsync(fleet, order, isOver: static _ => false, force: false, Deadline);
        try
        {
            var found = Assert.Single(await pairs.FindStrangersAsync(Deadline));
            Assert.Equal(("web", order.VM, order.Id, PairPhase.Unknown), (found.VM, found.VMId, found.Id, found.State));
            Assert.Equal(["node", "away"], found.VMHosts);
            Assert.EndsWith($"/{Environment.ProcessId}", found.KeptBy, StringComparison.Ordinal);
            Assert.Contains("node has its mark", found.Reason, StringComparison.Ordinal);
            Assert.Null(found.StartedAt);
        }
        finally
        {
            Assert.Equal(["away"], await PairMarking.TakeOffAsync(fleet, order));
            _folder.Delete(recursive: true);
        }

        Assert.Empty(await pairs.FindStrangersAsync(Deadline));
    }
}
