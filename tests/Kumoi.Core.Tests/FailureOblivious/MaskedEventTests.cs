using System.Text.Json.Nodes;
using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Journal;
using Kumoi.Tests.Journal;
using Xunit;

namespace Kumoi.Tests.FailureOblivious;

/// <summary>What a scope tells the journal of its fleet.</summary>
public sealed class MaskedEventTests : JournalTest
{
    [Fact]
    public async Task Each_host_whose_reading_was_masked_is_one_event_with_a_count()
    {
        await using var journal = Open();
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=3", () => journal);
        lab.Break("kvm02", FaultOperation.Read, message: "down");
        lab.Break("kvm03", FaultOperation.Read, message: "gone");
        var scope = FailureObliviousScope.Enter(lab.Fleet);
        for (var i = 0; i < 3; i++)
        {
            await lab.Host("kvm02").Link.SendAsync(new ReadVMs(), default);
        }

        await lab.Host("kvm03").Link.SendAsync(new ReadXml(Guid.Empty), default);
        Assert.Empty(await ToldAsync(lab, journal));
        scope.Dispose();
        var told = await ToldAsync(lab, journal);
        Assert.Equal(
            [("kvm02", "kvm02.ReadVMs(): down", 3), ("kvm03", $"kvm03.ReadXml({Guid.Empty}): gone", 1)],
            told.Select(happened => (happened.VMHost, happened.Message, Count(happened))));
        Assert.All(told, happened => Assert.Equal(KumoiEventKind.FailureOblivious, happened.Kind));
        scope.Dispose();
        Assert.Equal(2, (await ToldAsync(lab, journal)).Count);
    }

    [Fact]
    public async Task Elements_that_list_operations_left_out_are_events_repeated_ones_once()
    {
        await using var journal = Open();
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=3", () => journal);
        lab.Break("kvm02", FaultOperation.Read, message: "down");
        using (FailureObliviousScope.Enter(lab.Fleet))
        {
            for (var i = 0; i < 2; i++)
            {
                await lab.Fleet.Hosts.FailureOblivious()
                    .SelectAsync(async (host, token) => await host.Link.SendAsync(new ReadVMs(), token));
            }

            await Enumerable.Range(1, 2).FailureOblivious()
                .ForEachAsync((i, _) => i == 2 ? Task.FromException(new HypervisorException("two")) : Task.CompletedTask);
        }

        Assert.Equal(
            [("kvm02", null, "map left out kvm02: down", 2), (null, "2", "foreach left out 2: two", 1)],
            (await ToldAsync(lab, journal)).Select(happened => (happened.VMHost, happened.VM, happened.Message, Count(happened))));
    }

    [Fact]
    public async Task However_many_hosts_are_down_each_is_told()
    {
        await using var journal = Open();
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=400&vms=0", () => journal);
        lab.Faults.Add(new FaultRule { HostPattern = "*", HostMatches = _ => true, Operation = FaultOperation.Read });
        using (FailureObliviousScope.Enter(lab.Fleet))
        {
            foreach (var host in lab.Fleet.Hosts)
            {
                await host.Link.SendAsync(new ReadVMs(), default);
            }
        }

        Assert.Equal(lab.Fleet.Hosts.Select(host => host.Name), (await ToldAsync(lab, journal)).Select(happened => happened.VMHost));
    }

    [Fact]
    public async Task Without_failures_the_journal_is_not_opened()
    {
        await using var journal = Open();
        var asked = 0;
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1", () =>
        {
            asked++;
            return journal;
        });
        using (FailureObliviousScope.Enter(lab.Fleet))
        {
            await lab.Host("kvm01").Link.SendAsync(new ReadVMs(), default);
        }

        await lab.Fleet.Journal!.SettleAsync();
        Assert.Equal(0, asked);
        Assert.False(System.IO.File.Exists(File));

        // One failure is enough, so that it is not for want of asking.
        lab.Break("kvm01", FaultOperation.Read);
        using (FailureObliviousScope.Enter(lab.Fleet))
        {
            await lab.Host("kvm01").Link.SendAsync(new ReadVMs(), default);
        }

        Assert.Equal("kvm01", Assert.Single(await ToldAsync(lab, journal)).VMHost);
        Assert.True(asked > 0);
    }

    private static async Task<List<KumoiEvent>> ToldAsync(LabFleet lab, IJournal journal)
    {
        await lab.Fleet.Journal!.SettleAsync();
        return await EventsAsync(journal);
    }

    private static int Count(KumoiEvent happened) => JsonNode.Parse(happened.Data)!["count"]!.GetValue<int>();
}
