using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Kumoi.Journal.Sqlite;

/// <summary>Records to columns, and back. Times are UTC texts of one width, so that they sort as times.</summary>
internal static class Rows
{
    public const string OperationColumns =
        "sequence, id, kind, host, is_simulated, vm_id, vm, target, started_at, details, process_id, process_started_at, machine, user, state, error, ended_at";

    public const string EventColumns = "sequence, at, kind, host, vm, operation_id, message, data";

    public static string ToText(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);

    public static KumoiOperation ToOperation(SqliteDataReader row) => new()
    {
        Sequence = row.GetInt64(0),
        Id = Guid.Parse(row.GetString(1)),
        Kind = ToEnum<OperationKind>(row.GetString(2)),
        VMHost = row.GetString(3),
        IsSimulated = row.GetInt64(4) != 0,
        VMId = ToGuid(row, 5),
        VM = ToTextOrNull(row, 6),
        Target = ToTextOrNull(row, 7),
        StartedAt = ToTime(row.GetString(8)),
        Details = row.GetString(9),
        Owner = new OperationOwner(row.GetInt32(10), ToTime(row.GetString(11)), row.GetString(12), row.GetString(13)),
        State = ToEnum<OperationState>(row.GetString(14)),
        Error = ToTextOrNull(row, 15),
        EndedAt = row.IsDBNull(16) ? null : ToTime(row.GetString(16)),
    };

    public static KumoiEvent ToEvent(SqliteDataReader row) => new()
    {
        Sequence = row.GetInt64(0),
        At = ToTime(row.GetString(1)),
        Kind = ToEnum<KumoiEventKind>(row.GetString(2)),
        VMHost = ToTextOrNull(row, 3),
        VM = ToTextOrNull(row, 4),
        OperationId = ToGuid(row, 5),
        Message = row.GetString(6),
        Data = row.GetString(7),
    };

    private static DateTimeOffset ToTime(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind);

    private static Guid? ToGuid(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : Guid.Parse(row.GetString(column));

    private static string? ToTextOrNull(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    // A name that this version does not know is the enum's zero value.
    private static T ToEnum<T>(string name)
        where T : struct, Enum => Enum.TryParse<T>(name, out var value) ? value : default;
}
