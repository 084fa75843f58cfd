using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;

namespace Kumoi.Journal.Sqlite;

/// <summary>Reads rows in pages: a reader that takes its time holds nobody up, and keeps no old state of the file alive.</summary>
internal sealed class JournalReader<T>(
    JournalFile file, string table, Func<SqliteConnection, string> columnsOf, Func<SqliteDataReader, T> toRecord, Func<T, long> sequenceOf)
{
    public const int PageSize = 500;

    public async IAsyncEnumerable<T> ReadAsync(
        IReadOnlyList<Condition> conditions, bool newestFirst, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var connection = await Task.Run(Open, cancellationToken);
        long? last = null;
        while (connection is not null)
        {
            var page = await Task.Run(() => Page(connection, conditions, newestFirst, last), cancellationToken);
            foreach (var record in page)
            {
                yield return record;
            }

            if (page.Count < PageSize)
            {
                yield break;
            }

            last = sequenceOf(page[^1]);
        }
    }

    /// <summary>Null: there is no journal yet. Blocks.</summary>
    public SqliteConnection? Open() => Guarded(file.OpenToRead);

    /// <summary>The rows that follow <paramref name="last"/>. Blocks.</summary>
    public IReadOnlyList<T> Page(SqliteConnection connection, IReadOnlyList<Condition> conditions, bool newestFirst, long? last) => Guarded(
        () =>
        {
            using var command = connection.CreateCommand();
            command.CommandText = Select(columnsOf(connection), conditions, newestFirst, last);
            foreach (var condition in conditions)
            {
                foreach (var (name, value) in condition.Parameters)
                {
                    command.Parameters.AddWithValue(name, value);
                }
            }

            if (last is { } sequence)
            {
                command.Parameters.AddWithValue("@last", sequence);
            }

            using var rows = command.ExecuteReader();
            var page = new List<T>();
            while (rows.Read())
            {
                page.Add(toRecord(rows));
            }

            return page;
        });

    internal string Select(string columns, IReadOnlyList<Condition> conditions, bool newestFirst, long? last)
    {
        var where = conditions.Select(condition => condition.Sql).ToList();
        if (last is not null)
        {
            where.Add(newestFirst ? "sequence < @last" : "sequence > @last");
        }

        return $"SELECT {columns} FROM {table}{(where.Count > 0 ? " WHERE " + string.Join(" AND ", where) : "")} ORDER BY "
            + $"sequence{(newestFirst ? " DESC" : "")} LIMIT {PageSize}";
    }

    /// <summary>The sequence number of the newest row; 0 if there is none. Blocks.</summary>
    public long Newest(SqliteConnection connection) => Guarded(() =>
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT coalesce(max(sequence), 0) FROM {table}";
        return (long)command.ExecuteScalar()!;
    });

    private TResult Guarded<TResult>(Func<TResult> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (JournalFailures.IsOfTheFile(e))
        {
            throw JournalFailures.Translate(file.Path, e);
        }
        catch (FormatException e)
        {
            throw JournalFailures.Damaged(file.Path, e.Message, e);
        }
    }
}
