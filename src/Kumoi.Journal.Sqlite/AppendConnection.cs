using Microsoft.Data.Sqlite;

namespace Kumoi.Journal.Sqlite;

/// <summary>The writer's connection, with its statements prepared. For one thread.</summary>
internal sealed class AppendConnection : IDisposable
{
    private static readonly string[] OperationParameters =
        ["id", "kind", "host", "simulated", "vmId", "vm", "target", "at", "details", "pid", "pidAt", "pidStart", "machine", "user"];

    private static readonly string[] OutcomeParameters = ["sequence", "id", "state", "error", "at", "vmId", "vm", "details"];
    private static readonly string[] EventParameters = ["at", "kind", "host", "vm", "operation", "message", "data"];

    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _begin;
    private readonly SqliteCommand _commit;
    private readonly SqliteCommand _insertOperation;
    private readonly SqliteCommand _updateOperation;
    private readonly SqliteCommand _insertEvent;
    private readonly SqliteCommand _isNewer;

    public AppendConnection(SqliteConnection connection)
    {
        _connection = connection;
        // Takes the write lock at once: a transaction that reads first could find that it cannot write any more.
        _begin = Command("BEGIN IMMEDIATE");
        _commit = Command("COMMIT");
        _insertOperation = Command(
            """
            INSERT INTO operations (
              id, kind, host, is_simulated, vm_id, vm, target, started_at, details,
              process_id, process_started_at, process_start, machine, user, state)
            VALUES (
              @id, @kind, @host, @simulated, @vmId, @vm, @target, @at, @details,
              @pid, @pidAt, @pidStart, @machine, @user, 'Pending')
            """,
            OperationParameters);
        _updateOperation = Command(
            """
            UPDATE operations SET state = @state, error = @error, ended_at = @at,
              vm_id = coalesce(@vmId, vm_id), vm = coalesce(@vm, vm), details = coalesce(@details, details)
            WHERE sequence = @sequence AND id = @id
            """,
            OutcomeParameters);
        _insertEvent = Command(
            """
            INSERT INTO events (at, kind, host, vm, operation_id, message, data)
            VALUES (@at, @kind, @host, @vm, @operation, @message, @data)
            """,
            EventParameters);
        _isNewer = Command("SELECT EXISTS (SELECT 1 FROM events WHERE kind = @kind AND sequence > @sequence)", "kind", "sequence");
    }

    public void Begin() => _begin.ExecuteNonQuery();

    public void Commit() => _commit.ExecuteNonQuery();

    public long Insert(OperationIntent intent) => Insert(
        _insertOperation, intent.Id.ToString("D"), intent.Kind.ToString(), intent.VMHost, intent.IsSimulated ? 1L : 0L,
        intent.VMId?.ToString("D"),
        intent.VM, intent.Target, Rows.ToText(intent.StartedAt), intent.Details, (long)intent.Owner.ProcessId,
        Rows.ToText(intent.Owner.ProcessStartedAt), intent.Owner.Start, intent.Owner.Machine, intent.Owner.User);

    /// <summary>Writes how an operation has ended.</summary>
    /// <exception cref="JournalException">There is no such operation.</exception>
    public long Update(long sequence, Guid id, OperationOutcome outcome)
    {
        Bind(
            _updateOperation, sequence, id.ToString("D"), outcome.State.ToString(), outcome.Error, Rows.ToText(outcome.At),
            outcome.VMId?.ToString("D"), outcome.VM,
            outcome.Details);
        return _updateOperation.ExecuteNonQuery() == 1 ? sequence : throw JournalFailures.NoSuchOperation(_connection.DataSource, id);
    }

    public long Insert(KumoiEvent happened) => Insert(
        _insertEvent, Rows.ToText(happened.At), happened.Kind.ToString(), happened.VMHost, happened.VM, happened.OperationId?.ToString("D"),
        happened.Message, happened.Data);

    /// <summary>As <see cref="IJournal.TryAppendAsync"/>; 0: there is something newer.</summary>
    public long InsertAfter(KumoiEvent happened, long readTo)
    {
        Bind(_isNewer, happened.Kind.ToString(), readTo);
        return (long)_isNewer.ExecuteScalar()! == 0 ? Insert(happened) : 0;
    }

    public void Dispose()
    {
        foreach (var command in (SqliteCommand[])[_begin, _commit, _insertOperation, _updateOperation, _insertEvent, _isNewer])
        {
            command.Dispose();
        }

        _connection.Dispose();
    }

    private long Insert(SqliteCommand command, params ReadOnlySpan<object?> values)
    {
        Bind(command, values);
        command.ExecuteNonQuery();
        return SQLitePCL.raw.sqlite3_last_insert_rowid(_connection.Handle);
    }

    private static void Bind(SqliteCommand command, params ReadOnlySpan<object?> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i] is string text ? Rows.ToColumn(text) : values[i] ?? DBNull.Value;
        }
    }

    private SqliteCommand Command(string sql, params ReadOnlySpan<string> parameters)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new SqliteParameter("@" + parameter, value: null));
        }

        return command;
    }
}
