using System.Runtime.Versioning;
using Kumoi.Journal;
using Kumoi.Journal.Sqlite;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Kumoi.Tests.Journal;

/// <summary>A journal that cannot be used says which file and what to do, and is left as it is.</summary>
public sealed class DamageTests : JournalTest
{
    [Theory]
    [InlineData("this is no database, but it may have been one: nothing of it may be lost")]
    [InlineData("")]
    public async Task What_is_no_journal_is_left_as_it_is(string content)
    {
        Directory.CreateDirectory(Folder);
        await System.IO.File.WriteAllTextAsync(File, content);
        await RefusesAsync(JournalError.Damaged);
        Assert.Equal(content, await System.IO.File.ReadAllTextAsync(File));
        await using var journal = Open();
        Assert.Equal(JournalError.Damaged, (await Assert.ThrowsAsync<JournalException>(() => EventsAsync(journal))).Error);
    }

    [Fact]
    public async Task Damage_in_the_middle_is_found_and_what_can_be_read_is_read()
    {
        await using (var journal = Open())
        {
            await Task.WhenAll(Enumerable.Range(0, 3000).Select(n => journal.AppendAsync(Event($"{n}"), default)));
        }

        var length = new FileInfo(File).Length;
        await using (var stream = new FileStream(File, FileMode.Open))
        {
            stream.Seek(length * 3 / 4, SeekOrigin.Begin);
            stream.Write(Enumerable.Repeat((byte)0xA5, (int)(length / 8)).ToArray());
        }

        var read = new List<KumoiEvent>();
        await using var damaged = Open();
        var failure = await Assert.ThrowsAsync<JournalException>(async () =>
        {
            await foreach (var happened in damaged.ReadEventsAsync(new EventQuery(), default))
            {
                read.Add(happened);
            }
        });
        Assert.Equal(JournalError.Damaged, failure.Error);
        Assert.NotEmpty(read);
        Assert.Equal(Enumerable.Range(0, read.Count).Select(n => $"{n}"), read.Select(happened => happened.Message));
    }

    [Fact]
    public async Task A_newer_schema_is_refused_for_writing_and_for_reading()
    {
        await using (var journal = Open())
        {
            await journal.AppendAsync(Event("one"), default);
        }

        using (var connection = new SqliteConnection($"Data Source={File};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version = 99";
            command.ExecuteNonQuery();
        }

        await RefusesAsync(JournalError.NewerSchema);
        await using var newer = Open();
        Assert.Equal(JournalError.NewerSchema, (await Assert.ThrowsAsync<JournalException>(() => EventsAsync(newer))).Error);
    }

    [Fact]
    public async Task A_log_without_its_journal_is_not_played_into_a_new_one()
    {
        Directory.CreateDirectory(Folder);
        await System.IO.File.WriteAllTextAsync(File + "-wal", "what was written last");
        await RefusesAsync(JournalError.Damaged);
        Assert.False(System.IO.File.Exists(File));
        Assert.Equal("what was written last", await System.IO.File.ReadAllTextAsync(File + "-wal"));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_a_clear_error_and_the_next_append_tries_again()
    {
        await System.IO.File.WriteAllTextAsync(Folder, "a file where the folder should be");
        await using var journal = Open();
        var failure = await Assert.ThrowsAsync<JournalException>(() => journal.AppendAsync(Event("one"), default));
        Assert.Equal(JournalError.Unavailable, failure.Error);
        Assert.Contains(File, failure.Message, StringComparison.Ordinal);
        Assert.Contains("KUMOI_STATE", failure.RecommendedAction, StringComparison.Ordinal);

        System.IO.File.Delete(Folder);
        await journal.AppendAsync(Event("two"), default);
        Assert.Equal("two", Assert.Single(await EventsAsync(journal)).Message);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task A_folder_that_is_read_only_can_be_read_but_not_written()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "it takes another user's rights to see it");
        await using (var journal = Open())
        {
            await journal.AppendAsync(Event("written before"), default);
        }

        // Root may write anywhere: then the child is somebody else.
        System.IO.File.SetUnixFileMode(File, (UnixFileMode)0b100_100_100);
        System.IO.File.SetUnixFileMode(Folder, (UnixFileMode)0b101_101_101);
        try
        {
            var read = Child("read");
            Assert.Equal((0, "written before\n"), read);
            var (status, output) = Child("append-one");
            Assert.Equal(1, status);
            Assert.StartsWith("Unavailable: The journal '" + File, output, StringComparison.Ordinal);
        }
        finally
        {
            System.IO.File.SetUnixFileMode(Folder, (UnixFileMode)0b111_000_000);
        }
    }

    [Fact]
    public async Task The_bundled_SQLite_and_the_systems_read_what_the_other_has_written()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the systems' libraries are called otherwise elsewhere");
        var system = NativeSqlite.Candidates(null).Last();
        Assert.SkipUnless(System.Runtime.InteropServices.NativeLibrary.TryLoad(system, out _), "this system has none");
        await using (var journal = Open())
        {
            await journal.AppendAsync(Event("written before"), default);
        }

        Assert.Equal((0, ""), JournalChild.Run("append-one", Folder, ("KUMOI_SQLITE", system)));
        Assert.Equal((0, "written before\none\n"), JournalChild.Run("read", Folder));
        Assert.Equal((0, "written before\none\n"), JournalChild.Run("read", Folder, ("KUMOI_SQLITE", system)));
        Assert.Equal(1, JournalChild.Run("read", Folder, ("KUMOI_SQLITE", "/nowhere/libsqlite3.so")).Status);
    }

    private (int Status, string Output) Child(string what)
    {
        var isRoot = Environment.IsPrivilegedProcess;
        Assert.SkipWhen(isRoot && !System.IO.File.Exists("/usr/bin/setpriv"), "setpriv is not here");
        var result = isRoot ? JournalChild.RunAsNobody(what, Folder) : JournalChild.Run(what, Folder);
        Assert.SkipWhen(result is null, "another user cannot start programs from here");
        return result!.Value;
    }

    private async Task RefusesAsync(JournalError error)
    {
        await using var journal = Open();
        var failure = await Assert.ThrowsAsync<JournalException>(() => journal.BeginAsync(Intent(), default));
        Assert.Equal(error, failure.Error);
        Assert.Contains(File, failure.Message, StringComparison.Ordinal);
        Assert.NotEmpty(failure.RecommendedAction);
    }
}
