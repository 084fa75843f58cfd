using System.Globalization;
using Kumoi.Journal;
using Kumoi.Journal.Sqlite;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Kumoi.Tests.Journal;

/// <summary>What a record may rely on: that it comes back as it was, that it stands where it belongs, and what it was decided by.</summary>
public sealed class JournalRecordTests : JournalTest
{
    [Theory]
    [InlineData(@"half of a pair: \ud83d.")]
    [InlineData(@"\udc00\ud800 the wrong way round")]
    [InlineData(@"at the end \ud800")]
    [InlineData(@"a zero \0 in the midst")]
    [InlineData(@"whole: \ud83d\ude00, \ufffd, \ufeff, \uffff, '; DROP TABLE events; --")]
    [InlineData("")]
    public async Task Text_comes_back_as_it_was(string escaped)
    {
        // An attribute would be UTF-8 itself.
        var text = System.Text.RegularExpressions.Regex.Unescape(escaped);
        await using var journal = Open();
        var intent = Intent(text) with { VMHost = text, Target = text, Owner = OperationOwner.Current with { User = text } };
        var sequence = await journal.BeginAsync(intent, default);
        await journal.EndAsync(sequence, intent.Id, new OperationOutcome(OperationState.Failed, intent.StartedAt, text), default);
        await journal.AppendAsync(Event(text) with { VMHost = text, VM = text, Data = text }, default);
        await using var other = Open();
        var operation = Assert.Single(await OperationsAsync(other));
        Assert.Equal(
            (text, text, text, text, text), (operation.VM, operation.VMHost, operation.Target, operation.Owner.User, operation.Error));
        var happened = Assert.Single(await EventsAsync(other));
        Assert.Equal((text, text, text, text), (happened.Message, happened.VMHost, happened.VM, happened.Data));
    }

    [Fact]
    public async Task An_outcome_does_not_become_that_of_another_operation_with_the_same_number()
    {
        await using var journal = Open();
        var intent = Intent();
        var sequence = await journal.BeginAsync(intent, default);
        var failure = await Assert.ThrowsAsync<JournalException>(
            () => journal.EndAsync(sequence, Guid.NewGuid(), new OperationOutcome(OperationState.Failed, intent.StartedAt), default));
        Assert.Contains(File, failure.Message, StringComparison.Ordinal);
        Assert.Equal(OperationState.Pending, Assert.Single(await OperationsAsync(journal)).State);
    }

    [Fact]
    public async Task What_follows_from_a_reading_is_appended_only_if_nothing_of_its_kind_has_come_since()
    {
        await using var journal = Open();
        await using var other = Open();
        Assert.Equal(1, await journal.TryAppendAsync(Event("first", KumoiEventKind.RollingUpgrade), 0, default));
        Assert.Null(await other.TryAppendAsync(Event("late", KumoiEventKind.RollingUpgrade), 0, default));
        await other.AppendAsync(Event("of another kind", KumoiEventKind.Usage), default);
        Assert.Equal(3, await other.TryAppendAsync(Event("after it was read", KumoiEventKind.RollingUpgrade), 1, default));
        Assert.Equal(["first", "of another kind", "after it was read"], (await EventsAsync(journal)).Select(happened => happened.Message));
    }

    [Fact]
    public async Task Of_many_that_decide_by_the_same_reading_one_appends()
    {
        var journals = Enumerable.Range(0, 4).Select(_ => Open()).ToList();
        await journals[0].AppendAsync(Event("read by all", KumoiEventKind.Maintenance), default);
        var appended = await Task.WhenAll(Enumerable.Range(0, 80).Select(i =>
            journals[i % 4].TryAppendAsync(Event($"{i}", KumoiEventKind.Maintenance), 1, default)));
        Assert.Single(appended, sequence => sequence is not null);
        Assert.Equal(2, (await EventsAsync(journals[0])).Count);
        journals.ForEach(journal => journal.DisposeAsync().AsTask().Wait());
    }

    [Fact]
    public async Task A_record_that_cannot_be_written_fails_alone()
    {
        var journal = Open();

        // The first append waits for the file to be made, and the others for it: they are one transaction.
        var appends = Enumerable.Range(0, 100).Select(i => journal.AppendAsync(Event(i == 50 ? null! : $"{i}"), default)).ToList();
        await Assert.ThrowsAsync<JournalException>(() => appends[50]);
        await Task.WhenAll(appends.Where((_, i) => i != 50));
        Assert.InRange(journal.Commits, 1, 20);
        await journal.DisposeAsync();
        await using var again = Open();
        Assert.Equal(
            Enumerable.Range(0, 100).Where(i => i != 50).Select(i => i.ToString(CultureInfo.InvariantCulture)),
            (await EventsAsync(again)).Select(happened => happened.Message));
    }

    [Fact]
    public async Task A_journal_that_was_deleted_under_an_open_session_is_made_anew()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "what is open cannot be deleted there");
        await using var journal = Open();
        var intent = Intent();
        var sequence = await journal.BeginAsync(intent, default);
        Directory.Delete(Folder, recursive: true);
        var other = await journal.BeginAsync(Intent("other"), default);
        Assert.Equal(sequence, other);
        await Assert.ThrowsAsync<JournalException>(
            () => journal.EndAsync(sequence, intent.Id, new OperationOutcome(OperationState.Succeeded, intent.StartedAt), default));
        await using var reader = Open();
        Assert.Equal(("other", OperationState.Pending), Assert.Single(
            (await OperationsAsync(reader)).Select(operation => (operation.VM, operation.State))));
    }

    [Fact]
    public async Task The_names_of_the_file_and_of_its_folders_are_on_the_disk_before_the_first_append_returns()
    {
        Assert.SkipUnless(System.IO.File.Exists("/usr/bin/strace"), "strace is not here");
        var parent = Path.GetFullPath(Path.Combine(Folder, "made", "too"));
        var log = Folder + ".strace";
        try
        {
            var status = JournalChild.RunTraced(log, "append-one", parent);
            Assert.SkipWhen(status is null, "strace may not be used here");
            Assert.Equal((0, ""), status);
            var trace = await System.IO.File.ReadAllTextAsync(log);
            var moved = trace.LastIndexOf("journal.db.new\", ", StringComparison.Ordinal);
            Assert.True(moved > 0, trace);
            foreach (var folder in (string[])[parent, Path.Combine(Folder, "made"), Folder, Path.GetTempPath().TrimEnd('/')])
            {
                Assert.Matches($"fsync\\(\\d+<{System.Text.RegularExpressions.Regex.Escape(folder)}>\\) += 0", trace[moved..]);
            }
        }
        finally
        {
            System.IO.File.Delete(log);
        }
    }

    [Fact]
    public async Task Operations_that_have_not_ended_are_found_without_looking_at_all_others()
    {
        await using var journal = Open();
        await journal.BeginAsync(Intent(), default);
        var reader = new JournalReader<KumoiOperation>(
            new JournalFile(Folder), "operations", JournalFile.OperationColumnsOf, Rows.ToOperation, one => one.Sequence);
        var sql = reader.Select(
            "*", SqliteJournal.ConditionsOf(new OperationQuery { States = [OperationState.Pending] }), newestFirst: false, last: null);
        var plan = await ExplainAsync(sql);
        Assert.Contains("operations_pending", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("TEMP B-TREE", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_file_of_an_older_version_is_read_as_it_is_and_gets_what_it_lacks_when_it_is_written()
    {
        var old = Intent("old");
        await using (var journal = Open())
        {
            await journal.BeginAsync(old, default);
        }

        await AskAsync("DROP INDEX operations_pending; ALTER TABLE operations DROP COLUMN process_start; SELECT 1");
        await using var newer = Open();
        Assert.Equal(
            (old.Id, null), Assert.Single((await OperationsAsync(newer)).Select(operation => (operation.Id, operation.Owner.Start))));
        await newer.BeginAsync(Intent("new"), default);
        Assert.Equal([null, OperationOwner.Current.Start], (await OperationsAsync(newer)).Select(operation => operation.Owner.Start));
        Assert.Equal(1L, await AskAsync("SELECT count(*) FROM sqlite_master WHERE name = 'operations_pending'"));
    }

    [Fact]
    public async Task An_older_version_goes_on_with_the_file()
    {
        await using var journal = Open();
        await journal.BeginAsync(Intent("new"), default);

        // As version 1 has always written and read it.
        Assert.Equal(1L, await AskAsync("PRAGMA user_version"));
        await AskAsync(
            """
            INSERT INTO operations (
              id, kind, host, is_simulated, vm_id, vm, target, started_at, details,
              process_id, process_started_at, machine, user, state)
            VALUES (
              '1b4e28ba-2fa1-11d2-883f-0016d3cca427', 'Start', 'kvm1', 0, NULL, 'old', NULL, '2026-01-02T03:04:05.0000000Z', '{}',
              1, '2026-01-02T03:04:05.0000000Z', 'm', 'u', 'Pending');
            SELECT sequence, id, kind, host, is_simulated, vm_id, vm, target, started_at, details,
              process_id, process_started_at, machine, user, state, error, ended_at FROM operations
            """);
        Assert.Equal(["new", "old"], (await OperationsAsync(journal, new OperationQuery { States = [OperationState.Pending] }))
            .Select(operation => operation.VM));
    }

    private async Task<object?> AskAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={File};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteScalarAsync();
    }

    private async Task<string> ExplainAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={File};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "EXPLAIN QUERY PLAN " + sql;
        await using var rows = await command.ExecuteReaderAsync();
        var plan = new List<string>();
        while (await rows.ReadAsync())
        {
            plan.Add(rows.GetString(3));
        }

        return string.Join('\n', plan);
    }
}
