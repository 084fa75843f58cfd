using Microsoft.Data.Sqlite;

namespace Kumoi.Journal.Sqlite;

/// <summary>The file, and how it is made and opened. A file that is there is never made anew.</summary>
internal sealed class JournalFile(string folder)
{
    public const int SchemaVersion = 1;

    /// <summary>Tells the file from other databases: 'Kumo' (https://sqlite.org/pragma.html#pragma_application_id).</summary>
    private const int ApplicationId = 0x4B756D6F;

    private const UnixFileMode OnlyUser = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>How long to wait for other processes. Their transactions are short: tens of milliseconds.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private const string Schema = $"""
        CREATE TABLE operations (
          sequence           INTEGER PRIMARY KEY AUTOINCREMENT,
          id                 TEXT NOT NULL,
          kind               TEXT NOT NULL,
          host               TEXT NOT NULL,
          is_simulated       INTEGER NOT NULL,
          vm_id              TEXT,
          vm                 TEXT,
          target             TEXT,
          started_at         TEXT NOT NULL,
          details            TEXT NOT NULL,
          process_id         INTEGER NOT NULL,
          process_started_at TEXT NOT NULL,
          machine            TEXT NOT NULL,
          user               TEXT NOT NULL,
          state              TEXT NOT NULL,
          error              TEXT,
          ended_at           TEXT,
          process_start      TEXT
        );
        CREATE INDEX operations_by_id ON operations (id);
        CREATE TABLE events (
          sequence     INTEGER PRIMARY KEY AUTOINCREMENT,
          at           TEXT NOT NULL,
          kind         TEXT NOT NULL,
          host         TEXT,
          vm           TEXT,
          operation_id TEXT,
          message      TEXT NOT NULL,
          data         TEXT NOT NULL
        );
        """;

    /// <summary>
    /// Every session asks for the few events that tell which hosts are in maintenance, and for the few operations that have not ended,
    /// among any number of others. An older version's file gets them when it is next written to.
    /// </summary>
    /// <remarks>
    /// Versions that do not know these indexes, or the column of <see cref="AddProcessStart"/>, go on with the file: they name the columns
    /// that they write and read, and what they do not write is null. So these are no new <see cref="SchemaVersion"/>, which they would
    /// refuse.
    /// </remarks>
    private const string Indexes = """
        CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind);
        CREATE INDEX IF NOT EXISTS operations_pending ON operations (state) WHERE state = 'Pending'
        """;

    private const string AddProcessStart = "ALTER TABLE operations ADD COLUMN process_start TEXT";

    public string Path { get; } = System.IO.Path.Combine(folder, JournalFolder.FileName);

    public bool Exists => File.Exists(Path) || Directory.Exists(Path);

    /// <summary>Opens it to append, and makes it if it is not there. Blocks, at most a few times <see cref="Patience"/>.</summary>
    public SqliteConnection OpenToAppend()
    {
        NativeSqlite.Prepare();
        if (!Exists)
        {
            Create();
        }

        var connection = Open(new SqliteConnectionStringBuilder { DataSource = Path, Mode = SqliteOpenMode.ReadWrite });
        try
        {
            Execute(connection, Indexes);
            if (!HasProcessStart(connection))
            {
                // Asked again within the transaction: another process may have added it meanwhile.
                Execute(connection, "BEGIN IMMEDIATE");
                if (!HasProcessStart(connection))
                {
                    Execute(connection, AddProcessStart);
                }

                Execute(connection, "COMMIT");
            }

            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens it to read; null if it is not there. Works also where nothing can be written, unless there is a log that only a writer can
    /// take in.
    /// </summary>
    public SqliteConnection? OpenToRead()
    {
        if (!Exists && !HasLog)
        {
            return null;
        }

        NativeSqlite.Prepare();
        try
        {
            return Open(new SqliteConnectionStringBuilder { DataSource = Path, Mode = SqliteOpenMode.ReadOnly });
        }
        catch (SqliteException e) when (JournalFailures.IsUnwritable(e) && File.Exists(Path) && !HasLog)
        {
            // The memory shared with writers cannot be made, so there is none, and the file does not change
            // (https://sqlite.org/uri.html#uriimmutable).
            return Open(new SqliteConnectionStringBuilder
            {
                DataSource = $"{new Uri(Path).AbsoluteUri.Replace("file:///", "file:/", StringComparison.Ordinal)}?immutable=1",
                Mode = SqliteOpenMode.ReadOnly,
            });
        }
    }

    /// <summary>What can be read of operations in this file, in the order of <see cref="Rows.OperationColumns"/>.</summary>
    public static string OperationColumnsOf(SqliteConnection connection) =>
        HasProcessStart(connection) ? Rows.OperationColumns : Rows.OlderOperationColumns;

    private static bool HasProcessStart(SqliteConnection connection) =>
        Scalar(connection, "SELECT count(*) FROM pragma_table_info('operations') WHERE name = 'process_start'") > 0;

    private bool HasLog => new FileInfo(Path + "-wal") is { Exists: true, Length: > 0 };

    private SqliteConnection Open(SqliteConnectionStringBuilder settings)
    {
        if (!Exists)
        {
            throw JournalFailures.Orphaned(Path);
        }

        if (File.Exists(Path) && new FileInfo(Path).Length == 0)
        {
            // Create never leaves one: what it held is lost, and SQLite would make it anew without a word.
            throw JournalFailures.Damaged(Path, "the file is empty");
        }

        var connection = Connect(settings);
        try
        {
            var version = Scalar(connection, "PRAGMA user_version");
            if (Scalar(connection, "PRAGMA application_id") != ApplicationId || version == 0)
            {
                throw JournalFailures.Damaged(Path, "it is the file of another program");
            }

            return version > SchemaVersion ? throw JournalFailures.Newer(Path, version) : connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Made whole under another name first: whoever dies here leaves no half journal. One process at a time; the lock is the operating
    /// system's, and ends with its process.
    /// </summary>
    private void Create()
    {
        var grown = DurableFolder.Create(folder);
        using var lockFile = Lock();
        if (Exists)
        {
            return;
        }

        if (HasLog)
        {
            // SQLite would play the old log into the new file.
            throw JournalFailures.Orphaned(Path);
        }

        var draft = Path + ".new";
        foreach (var leftover in (string[])[draft, draft + "-wal", draft + "-shm", draft + "-journal"])
        {
            File.Delete(leftover);
        }

        new FileStream(draft, FileOptionsOf(FileMode.CreateNew)).Dispose();
        using (var connection = Connect(new SqliteConnectionStringBuilder { DataSource = draft, Mode = SqliteOpenMode.ReadWrite }))
        {
            Execute(connection, $"PRAGMA journal_mode = WAL; BEGIN; {Schema} PRAGMA application_id = {ApplicationId}; PRAGMA user_version "
                + $"= {SchemaVersion}; COMMIT");
        }

        File.Move(draft, Path);
        DurableFolder.Flush(folder);
        foreach (var above in grown)
        {
            DurableFolder.Flush(above);
        }
    }

    private FileStream Lock()
    {
        var options = FileOptionsOf(FileMode.OpenOrCreate);
        var began = Environment.TickCount64;
        while (true)
        {
            try
            {
                return new FileStream(System.IO.Path.Combine(folder, "journal.lock"), options);
            }
            catch (IOException e) when (IsHeld(e) && Environment.TickCount64 - began < Patience.TotalMilliseconds)
            {
                Thread.Sleep(10);
            }
        }
    }

    // A sharing violation on Windows; EWOULDBLOCK of flock on Linux and macOS.
    private static bool IsHeld(IOException error) => (error.HResult & 0xFFFF) is 32 or 11 or 35;

    private static FileStreamOptions FileOptionsOf(FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            // SQLite gives its log the rights of the file.
            options.UnixCreateMode = OnlyUser;
        }

        return options;
    }

    private static SqliteConnection Connect(SqliteConnectionStringBuilder settings)
    {
        settings.Pooling = false;
        // SQLite's own waiting is finer than the library's, which would only begin when that has ended.
        settings.DefaultTimeout = 1;
        var connection = new SqliteConnection(settings.ToString());
        try
        {
            connection.Open();
            // FULL: a commit that returned survives a power loss (https://sqlite.org/wal.html); fullfsync: also on macOS.
            Execute(
                connection,
                $"PRAGMA busy_timeout = {Patience.TotalMilliseconds}; PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA "
                    + $"checkpoint_fullfsync = 1; PRAGMA journal_size_limit = {16 << 20}");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static long Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }
}
