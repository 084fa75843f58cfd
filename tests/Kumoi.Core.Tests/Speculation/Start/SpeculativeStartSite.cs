using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Speculation.Start;

/// <summary>What the tests of speculative starts begin and end with.</summary>
internal static class SpeculativeStartSite
{
    /// <summary>A controller whose calls to other hosts wait until the first one has won, or has failed.</summary>
    public static Controller InOrder(string first, Func<string, string, bool, HypervisorException?>? fault = null)
    {
        var settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Controller? controller = null;
        return controller = new Controller
        {
            Turn = (host, call) => host != first && call is "start" ? Task.WhenAny(settled.Task, controller!.Death) : Task.CompletedTask,
            Fault = (host, call, isDone) =>
            {
                if (host == first && call is "resume")
                {
                    settled.TrySetResult();
                }

                return fault?.Invoke(host, call, isDone);
            },
        };
    }

    public static async Task<Site> OpenAsync(bool hasHome, int hosts = 3)
    {
        var site = await Site.OpenAsync(hosts);
        await site.TurnOffAsync(hasHome);
        return site;
    }

    public static async Task AssertRepairedAsync(Site site, bool hasHome, bool isJournalGone, string because)
    {
        var before = await site.PlacesAsync();
        Assert.True(before.Count(place => place is VMWhereabouts.Running) <= 1, $"{because}: {string.Join(", ", before)}");
        if (isJournalGone && (await site.RepairOrphansAsync(isJournalGone: true)).Find(result => !result.IsRepaired) is { } unknown)
        {
            // Two copies were named, and none of them runs: nothing was done, and it takes the journal to know.
            Assert.Contains("may have run on", unknown.Message, StringComparison.Ordinal);
            Assert.Equal(before, await site.PlacesAsync());
            isJournalGone = false;
        }

        var repaired = isJournalGone ? [] : await site.RepairAsync();

        // What the journal takes for ended, the hosts tell.
        repaired.AddRange(await site.RepairOrphansAsync(isJournalGone));
        Assert.All(repaired, result => Assert.True(result.IsRepaired, $"{because}: {result}"));
        var after = await site.PlacesAsync();
        var found = $"{because}: {string.Join(", ", before)} became {string.Join(", ", after)}";
        if (before.Contains(VMWhereabouts.Running))
        {
            Assert.True(after.Count(place => place is not VMWhereabouts.Absent) == 1, found);
            Assert.Equal(before.ToList().IndexOf(VMWhereabouts.Running), after.ToList().IndexOf(VMWhereabouts.Running));
        }
        else
        {
            // Nothing of it, or, where it has a home, exactly one; off unless it was let run by the repair.
            Assert.True(after.Count(place => place is not VMWhereabouts.Absent) <= 1, found);
            Assert.True(after.All(place => place is VMWhereabouts.Absent or VMWhereabouts.Off or VMWhereabouts.Running), found);
            Assert.True(!hasHome || after.Any(place => place is VMWhereabouts.Off or VMWhereabouts.Running), found);
        }

        await site.AssertNoMarksAsync(because);
        Assert.True(isJournalGone
            || !(await site.UnfinishedAsync()).Exists(operation => operation.Kind is OperationKind.SpeculativeStart), because);
    }
}
