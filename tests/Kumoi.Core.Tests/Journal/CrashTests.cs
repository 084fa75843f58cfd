using System.Globalization;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Kumoi.Tests.Journal;

/// <summary>Processes that append until kill -9 ends them, several at a time on one journal.</summary>
public sealed class CrashTests : JournalTest
{
    /// <summary>A run of all tests has time for some of them only: more with KUMOI_KILLS.</summary>
    private static readonly int Kills = int.Parse(Environment.GetEnvironmentVariable("KUMOI_KILLS") ?? "200", CultureInfo.InvariantCulture);

    /// <summary>More than there are cores, as each waits for the disk now and then.</summary>
    private const int AtATime = 4;

    [Fact]
    public async Task Every_acknowledged_record_survives_kill_9_and_the_journal_opens()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var acknowledged = 0L;
        var begins = new Dictionary<long, Guid>();
        var ends = new HashSet<long>();
        var events = new Dictionary<long, string>();
        for (var life = 0; life < Kills; life += AtATime)
        {
            // Some lives end while the journal is being made or opened.
            var early = random.Next(5) == 0;
            if (early && random.Next(2) == 0)
            {
                await VerifyAsync();
                Directory.Delete(Folder, recursive: true);
                begins.Clear();
                ends.Clear();
                events.Clear();
            }

            await Task.WhenAll(Enumerable.Range(0, AtATime).Select(i => LiveAsync(early && i == 0 ? 0 : random.Next(early ? 5 : 200))));
            if (life % 20 == 0)
            {
                await VerifyAsync();
            }
        }

        await VerifyAsync();
        Assert.True(acknowledged > 0);
        TestContext.Current.TestOutputHelper?.WriteLine($"{Kills} kills, {acknowledged} acknowledged appends, seed {seed}");

        async Task LiveAsync(int appends)
        {
            using var process = JournalChild.Start("append", Folder);

            // When it has said so many things: 'ready' before it makes or opens the journal, and then each append of four that go on at
            // once.
            var lines = new List<string>();
            Assert.Equal("ready", await process.StandardOutput.ReadLineAsync());
            while (lines.Count < appends && await process.StandardOutput.ReadLineAsync() is { } line)
            {
                lines.Add(line);
            }

            process.Kill();
            var rest = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            lines.AddRange(rest.Split('\n')[..^1]);
            lock (begins)
            {
                lines.ForEach(Note);
            }
        }

        void Note(string line)
        {
            acknowledged++;
            var parts = line.Split(' ');
            Assert.True(parts.Length == 3, $"seed {seed}: the child said '{line}'");
            var sequence = long.Parse(parts[1], CultureInfo.InvariantCulture);
            switch (parts[0])
            {
                case "begun":
                    begins.Add(sequence, Guid.Parse(parts[2]));
                    break;
                case "ended":
                    ends.Add(sequence);
                    break;
                default:
                    events.Add(sequence, parts[2]);
                    break;
            }
        }

        async Task VerifyAsync()
        {
            await using (var journal = Open())
            {
                // It opens, also for writing; and the numbers go on growing.
                await journal.AppendAsync(Event("opened"), default);
                var operations = (await OperationsAsync(journal)).ToDictionary(operation => operation.Sequence);
                Assert.All(begins, begin => Assert.Equal(begin.Value, operations[begin.Key].Id));
                Assert.All(ends, end => Assert.Equal(OperationState.Succeeded, operations[end].State));
                var messages = (await EventsAsync(journal)).ToDictionary(happened => happened.Sequence, happened => happened.Message);
                Assert.All(events, happened => Assert.Equal(happened.Value, messages[happened.Key]));
            }

            await using var connection = new SqliteConnection($"Data Source={File};Pooling=False");
            connection.Open();
            await using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA integrity_check";
            Assert.Equal("ok", await command.ExecuteScalarAsync());
        }
    }

    [Fact]
    public async Task Killed_at_any_of_the_calls_that_write_while_it_is_made_the_journal_opens()
    {
        Assert.SkipUnless(System.IO.File.Exists("/usr/bin/strace"), "strace is not here");
        Assert.SkipWhen(JournalChild.RunKilledAt(int.MaxValue, Folder) is null, "strace may not be used here");
        var calls = 0;
        for (var isKilled = true; isKilled; calls++)
        {
            Directory.Delete(Folder, recursive: true);
            var (status, output) = JournalChild.RunKilledAt(calls + 1, Folder)!.Value;
            isKilled = status != 0;
            Assert.True(calls < 200, output);

            // Nothing half-made counts: it is there with what was acknowledged, or it is made by the next.
            await using var journal = Open();
            await journal.AppendAsync(Event("next"), default);
            var messages = (await EventsAsync(journal)).ConvertAll(happened => happened.Message);
            Assert.Contains(string.Join(' ', messages), isKilled ? ["next", "one next"] : (string[])["one next"]);
        }

        Assert.InRange(calls, 20, 200);
    }

    [Fact]
    public async Task Several_processes_append_at_once_and_make_one_journal()
    {
        var processes = Enumerable.Range(0, 6).Select(_ => JournalChild.Start("append", Folder)).ToList();
        var lines = (await Task.WhenAll(processes.Select(async process =>
        {
            var said = new List<string>();
            Assert.Equal("ready", await process.StandardOutput.ReadLineAsync());
            while (said.Count < 60 && await process.StandardOutput.ReadLineAsync() is { } line)
            {
                said.Add(line);
            }

            process.Kill();
            said.AddRange((await process.StandardOutput.ReadToEndAsync()).Split('\n')[..^1]);
            return said;
        }))).SelectMany(said => said).ToList();
        processes.ForEach(process => process.Dispose());

        Assert.All(lines, line => Assert.Matches("^(begun|ended|event) ", line));
        await using var journal = Open();
        var events = (await EventsAsync(journal)).Select(happened => $"event {happened.Sequence} {happened.Message}")
            .ToHashSet(StringComparer.Ordinal);
        Assert.Superset(lines.Where(line => line.StartsWith("event", StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal), events);
        var owners = (await OperationsAsync(journal)).Select(operation => operation.Owner.ProcessId).Distinct();
        Assert.Equal(6, owners.Count());
    }
}
