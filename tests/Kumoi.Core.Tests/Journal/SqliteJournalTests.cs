using System.Runtime.Versioning;
using Kumoi.Journal;
using Kumoi.Journal.Sqlite;
using Xunit;

namespace Kumoi.Tests.Journal;

public sealed class SqliteJournalTests : JournalTest
{
    [Fact]
    public async Task An_operation_is_pending_until_its_outcome_is_known()
    {
        await using var journal = Open();
        var intent = Intent();
        var sequence = await journal.BeginAsync(intent, default);
        var pending = Assert.Single(await OperationsAsync(journal));
        Assert.Equal(
            (intent.Id, OperationKind.Start, "kvm1", true, intent.VMId, "web", intent.StartedAt, intent.Details, OperationOwner.Current,
                OperationState.Pending),
            (pending.Id, pending.Kind, pending.VMHost, pending.IsSimulated, pending.VMId, pending.VM, pending.StartedAt, pending.Details,
                pending.Owner, pending.State));

        await journal.EndAsync(
            sequence, intent.Id, new OperationOutcome(OperationState.Unknown, intent.StartedAt.AddSeconds(1), "lost"), default);
        var ended = Assert.Single(await OperationsAsync(journal));
        Assert.Equal(pending with { State = OperationState.Unknown, Error = "lost", EndedAt = intent.StartedAt.AddSeconds(1) }, ended);
    }

    [Fact]
    public async Task What_was_appended_is_there_in_its_order_when_the_journal_is_opened_again()
    {
        await using (var journal = Open())
        {
            for (var i = 0; i < 1200; i += 100)
            {
                await Task.WhenAll(Enumerable.Range(i, 100).Select(n => journal.AppendAsync(Event($"{n}"), default)));
            }
        }

        await using var again = Open();
        Assert.Equal(Enumerable.Range(0, 1200).Select(n => $"{n}"), (await EventsAsync(again)).Select(happened => happened.Message));
        Assert.Equal(["1199", "1198"], (await EventsAsync(again, new EventQuery { NewestFirst = true })).Take(2)
            .Select(happened => happened.Message));
    }

    [Fact]
    public async Task The_events_of_a_kind_are_found_without_reading_all_also_in_the_file_of_an_older_version()
    {
        await AppendAsync();
        Assert.Equal(1L, await AskAsync("SELECT count(*) FROM sqlite_master WHERE name = 'events_by_kind'"));
        await AskAsync("DROP INDEX events_by_kind");
        await AppendAsync();
        Assert.Equal(1L, await AskAsync("SELECT count(*) FROM sqlite_master WHERE name = 'events_by_kind'"));
        await using var journal = Open();
        Assert.Equal(2, (await EventsAsync(journal, new EventQuery { Kinds = [KumoiEventKind.Maintenance] })).Count);

        async Task AppendAsync()
        {
            await using var writer = Open();
            await writer.AppendAsync(Event("a mark", KumoiEventKind.Maintenance), default);
        }

        async Task<object?> AskAsync(string sql)
        {
            await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={File};Pooling=False");
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            return await command.ExecuteScalarAsync();
        }
    }

    [Fact]
    public async Task Queries_choose_by_kind_state_id_and_time()
    {
        await using var journal = Open();
        var noon = new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.FromHours(2));
        await journal.AppendAsync(Event("before", at: noon.AddTicks(-1)), default);
        await journal.AppendAsync(Event("at", at: noon.ToUniversalTime()), default);
        await journal.AppendAsync(Event("other", KumoiEventKind.Exhaustion, noon.AddHours(1)), default);
        Assert.Equal(["at", "other"], (await EventsAsync(journal, new EventQuery { After = noon })).Select(e => e.Message));
        Assert.Equal(["before"], (await EventsAsync(journal, new EventQuery { Before = noon })).Select(e => e.Message));
        Assert.Equal(["other"], (await EventsAsync(journal, new EventQuery { AfterSequence = 2 })).Select(e => e.Message));
        Assert.Equal(["other"], (await EventsAsync(journal, new EventQuery { Kinds = [KumoiEventKind.Exhaustion, KumoiEventKind.Gap] }))
            .Select(e => e.Message));

        var one = Intent("one");
        var two = Intent("two");
        await journal.EndAsync(await journal.BeginAsync(one, default), one.Id, new OperationOutcome(OperationState.Failed, noon), default);
        await journal.BeginAsync(two, default);
        Assert.Equal("one", Assert.Single(await OperationsAsync(journal, new OperationQuery { Ids = [one.Id] })).VM);
        Assert.Equal("two", Assert.Single(
            await OperationsAsync(journal, new OperationQuery { States = [OperationState.Pending, OperationState.Unknown] })).VM);
        Assert.Empty(await OperationsAsync(journal, new OperationQuery { After = one.StartedAt.AddTicks(1) }));
    }

    [Fact]
    public async Task A_hundred_appends_at_once_cost_a_few_transactions()
    {
        await using var journal = Open();
        await journal.AppendAsync(Event("opened"), default);
        var before = journal.Commits;
        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => journal.BeginAsync(Intent(), default)));
        Assert.InRange(journal.Commits - before, 1, 20);
        Assert.Equal(100, (await OperationsAsync(journal)).Count);
    }

    [Fact]
    public async Task A_cancelled_append_is_not_made()
    {
        await using var journal = Open();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => journal.BeginAsync(Intent(), new CancellationToken(canceled: true)));
        Assert.Empty(await OperationsAsync(journal));
    }

    [Fact]
    public async Task Closing_appends_what_waits()
    {
        var journal = Open();
        var appends = Enumerable.Range(0, 50).Select(n => journal.AppendAsync(Event($"{n}"), default)).ToList();
        await journal.DisposeAsync();
        await Task.WhenAll(appends);
        await using var again = Open();
        Assert.Equal(50, (await EventsAsync(again)).Count);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => journal.AppendAsync(Event("late"), default));
    }

    [Fact]
    public async Task Reading_makes_no_file()
    {
        await using var journal = Open();
        Assert.Empty(await EventsAsync(journal));
        Assert.Empty(await OperationsAsync(journal));
        Assert.False(Directory.Exists(Folder));
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task Only_the_user_can_read_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "no Unix rights");
        await using var journal = Open();
        await journal.AppendAsync(Event("one"), default);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, System.IO.File.GetUnixFileMode(Folder));
        foreach (var file in Directory.GetFiles(Folder))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(file));
        }
    }

    [Fact]
    public async Task A_watch_gives_what_is_appended_after_it_began_by_this_process_and_by_others()
    {
        await using var journal = Open();
        await using var other = Open();
        await journal.AppendAsync(Event("before"), default);
        await using var watch = journal.WatchEventsAsync(default).GetAsyncEnumerator();
        var first = watch.MoveNextAsync().AsTask();
        // Until the watch has begun, what is appended may be before it.
        while (!first.IsCompleted)
        {
            await journal.AppendAsync(Event("begin"), default);
        }

        await first;
        await other.AppendAsync(Event("last"), default);
        while (watch.Current.Message != "last")
        {
            Assert.Equal("begin", watch.Current.Message);
            await watch.MoveNextAsync();
        }
    }

    [Fact]
    public async Task A_watch_ends_by_its_token_and_can_begin_before_there_is_a_journal()
    {
        await using var journal = Open();
        using var stop = new CancellationTokenSource();
        await using var watch = journal.WatchEventsAsync(stop.Token).GetAsyncEnumerator();
        var first = watch.MoveNextAsync().AsTask();
        await journal.AppendAsync(Event("one"), default);
        await first;
        Assert.Equal("one", watch.Current.Message);
        var second = watch.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
    }

    [Fact]
    public async Task The_bundled_SQLite_is_there_and_used_before_the_systems()
    {
        var candidates = NativeSqlite.Candidates(null).ToList();
        Assert.Equal(2, candidates.Count);
        Assert.True(System.IO.File.Exists(candidates[0]), candidates[0]);
        Assert.False(Path.IsPathRooted(candidates[1]));
        Assert.Equal([candidates[0]], NativeSqlite.Candidates("bundled"));
        Assert.Equal(["/opt/libsqlite3.so"], NativeSqlite.Candidates("/opt/libsqlite3.so"));

        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection("Data Source=:memory:");
        NativeSqlite.Prepare();
        await connection.OpenAsync();

        // The first in which several processes cannot damage a file in WAL mode.
        Assert.True(Version.Parse(connection.ServerVersion) >= new Version(3, 51, 3), connection.ServerVersion);
    }

    [Theory]
    [InlineData("linux-x64", "linux-x64")]
    [InlineData("debian.13-arm64", "linux-arm64")]
    [InlineData("fedora.42-x64", "linux-x64")]
    [InlineData("linux-musl-x64", "linux-musl-x64")]
    [InlineData("alpine.3.22-x64", "linux-musl-x64")]
    [InlineData("osx.15-arm64", "osx-arm64")]
    [InlineData("win-x86", "win-x86")]
    public void A_runtime_of_a_distribution_finds_the_bundled_SQLite_too(string runtime, string folder) =>
        Assert.Equal(folder, NativeSqlite.Platform(runtime));
}
