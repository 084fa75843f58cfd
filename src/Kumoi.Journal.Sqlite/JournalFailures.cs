using Microsoft.Data.Sqlite;

namespace Kumoi.Journal.Sqlite;

/// <summary>What goes wrong with the file, as the admin shall read it.</summary>
internal static class JournalFailures
{
    // https://sqlite.org/rescode.html
    private const int Busy = 5;
    private const int Locked = 6;
    private const int ReadOnly = 8;
    private const int Corrupt = 11;
    private const int CantOpen = 14;
    private const int TooBig = 18;
    private const int Constraint = 19;
    private const int Mismatch = 20;
    private const int NotADatabase = 26;

    private static readonly string OtherFolder = $"set the environment variable {JournalFolder.Variable} to another folder";

    public static bool IsOfTheFile(Exception error) =>
        error is SqliteException or IOException or UnauthorizedAccessException or DllNotFoundException or TypeInitializationException
            or System.Security.SecurityException;

    /// <summary>Only the one record cannot be written; the others, and the file, are well.</summary>
    public static bool IsOfOneRecord(Exception error) =>
        error is SqliteException { SqliteErrorCode: TooBig or Constraint or Mismatch }
            || (error is not SqliteException && !IsOfTheFile(error));

    /// <summary>The folder or the files cannot be written, though perhaps read.</summary>
    public static bool IsUnwritable(SqliteException error) => error.SqliteErrorCode is ReadOnly or CantOpen;

    public static JournalException Translate(string path, Exception error) => error switch
    {
        SqliteException { SqliteErrorCode: Corrupt or NotADatabase } => Damaged(path, error.Message, error),
        SqliteException { SqliteErrorCode: TooBig or Constraint or Mismatch } => new JournalException(
            $"The record cannot be written to the journal '{path}': {Reason(error)}", JournalError.Unavailable,
            "This is a defect of Kumoi: report it.", error),
        SqliteException { SqliteErrorCode: Busy or Locked } => new JournalException(
            $"The journal '{path}' has been in use by another process for too long.", JournalError.Busy,
            $"Try again; see who holds it ('fuser -v {path}'), or {OtherFolder}.", error),
        DllNotFoundException or TypeInitializationException => new JournalException(
            $"The journal '{path}' cannot be opened: no usable SQLite library was found.", JournalError.Unavailable,
            "Install SQLite (libsqlite3-0, sqlite-libs), or name a library in the environment variable KUMOI_SQLITE.", error),
        _ => new JournalException(
            $"The journal '{path}' cannot be used: {Reason(error)}", JournalError.Unavailable,
            $"Let {Environment.UserName} write in '{Path.GetDirectoryName(path)}', see whether its disk is full, or {OtherFolder}.", error),
    };

    public static JournalException Damaged(string path, string reason, Exception? cause = null) => new(
        $"The journal '{path}' is damaged: {reason.TrimEnd('.')}. Nothing was changed in it.", JournalError.Damaged,
        $"Keep it: move '{path}' away, together with '{path}-wal' and '{path}-shm' if they are there, and a new one is "
        + $"made; or {OtherFolder}. "
        + "'sqlite3 FILE .recover' can read what is left of it.",
        cause);

    public static JournalException Orphaned(string path) => new(
        $"The journal '{path}' is missing, but '{path}-wal', which belongs to it, is there.", JournalError.Damaged,
        $"Bring the journal back, or move '{path}-wal' and '{path}-shm' to where it is now; or {OtherFolder}.");

    public static JournalException NoSuchOperation(string path, Guid id) => new(
        $"The journal '{path}' has no operation {id:D} any more: another file has taken its place.", JournalError.Unavailable,
        "Only the host knows the outcome of the operation: look at the VM.");

    public static JournalException Newer(string path, long version) => new(
        $"The journal '{path}' has version {version}; this Kumoi knows versions up to {JournalFile.SchemaVersion}.",
        JournalError.NewerSchema,
        $"Update Kumoi, or {OtherFolder}.");

    private static string Reason(Exception error) =>
        error is SqliteException sqlite ? $"{SQLitePCL.raw.sqlite3_errstr(sqlite.SqliteErrorCode).utf8_to_string()}." : error.Message;
}
