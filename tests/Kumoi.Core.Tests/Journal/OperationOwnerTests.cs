using Kumoi.Journal;
using Xunit;

namespace Kumoi.Tests.Journal;

/// <summary>Whether the process that began something still runs: yes, no, or nobody can tell.</summary>
public sealed class OperationOwnerTests : JournalTest
{
    private static readonly OperationOwner Own = OperationOwner.Current;

    [Theory]
    [InlineData(-3600)]
    [InlineData(-2)]
    [InlineData(2)]
    [InlineData(86400)]
    public void A_process_runs_although_the_clock_was_set_meanwhile(int seconds)
    {
        // Where the start is reckoned from the clock, the same process now seems to have started at another time.
        var before = Own with { ProcessStartedAt = Own.ProcessStartedAt.AddSeconds(seconds) };
        Assert.True(OperatingSystem.IsLinux() ? before.IsAlive : before.IsAlive is not false || OperatingSystem.IsWindows());
    }

    [Fact]
    public void A_machine_that_was_renamed_is_the_same_within_a_boot()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux tells its boots apart");
        Assert.True((Own with { Machine = "called-otherwise" }).IsAlive);
    }

    [Fact]
    public async Task A_process_that_has_ended_is_dead_and_known_to_be()
    {
        using var process = JournalChild.Start("append", Folder);
        await process.StandardOutput.ReadLineAsync();
        await using var journal = Open();
        var owner = (await OperationsAsync(journal))[0].Owner;
        Assert.Equal(process.Id, owner.ProcessId);
        Assert.True(owner.IsAlive);
        process.Kill();
        await process.WaitForExitAsync();
        Assert.False(owner.IsAlive);
    }

    [Fact]
    public void A_later_process_with_its_id_is_another_one()
    {
        var start = Start();
        Assert.False((Own with { Start = (start with { Ticks = start.Ticks - 1 }).ToString() }).IsAlive);
    }

    [Fact]
    public void No_process_survives_a_boot_of_its_machine()
    {
        var start = Start() with { Machine = "0123456789abcdef", Boot = Guid.NewGuid().ToString() };
        Assert.False(start.IsRunning(Own.ProcessId, start with { Boot = "now" }, isOfThisName: true));
    }

    [Fact]
    public void Of_a_machine_that_may_be_another_nobody_knows()
    {
        var start = Start() with { Boot = Guid.NewGuid().ToString() };
        Assert.Null((Own with { Start = (start with { Machine = "0123456789abcdef" }).ToString() }).IsAlive); // of the same name
        Assert.Null((Own with { Start = (start with { Machine = "" }).ToString() }).IsAlive); // without an id
        Assert.Null((Own with { Start = start.ToString(), Machine = "called-otherwise" }).IsAlive);
        Assert.Null((Own with { Start = null, Machine = "called-otherwise" }).IsAlive);
    }

    [Fact]
    public void Of_a_process_in_another_container_nobody_knows() =>
        Assert.Null((Own with { ProcessId = 1, Start = (Start() with { Namespace = "1" }).ToString() }).IsAlive);

    [Theory]
    [InlineData("written by a newer version")]
    [InlineData("")]
    [InlineData("a:b:c:d")]
    public void Of_what_cannot_be_understood_nobody_knows(string start) => Assert.Null((Own with { Start = start }).IsAlive);

    [Fact]
    public void By_the_time_alone_a_process_with_another_one_may_be_the_same()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows notes the time when a process starts, and does not reckon it");
        var older = Own with { Start = null };
        Assert.True(older.IsAlive);
        Assert.Null((older with { ProcessStartedAt = older.ProcessStartedAt.AddSeconds(-10) }).IsAlive);
        Assert.False((older with { ProcessId = int.MaxValue }).IsAlive);
    }

    [Fact]
    public void The_token_in_a_VMs_metadata_says_the_same_also_that_of_an_older_version()
    {
        Assert.Equal(Own, OperationOwner.TryParse(Own.ToToken()));
        Assert.Equal(Own with { Start = null }, OperationOwner.TryParse((Own with { Start = null }).ToToken()));
        Assert.Null(OperationOwner.TryParse("not/a/token"));
    }

    private static ProcessStart Start()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux tells the starts of processes apart");
        return ProcessStart.Own!;
    }
}
