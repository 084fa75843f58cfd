using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;

namespace Kumoi.Journal.Sqlite;

/// <summary>Records to columns, and back. Times are UTC texts of one width, so that they sort as times.</summary>
internal static class Rows
{
    /// <summary>The last is not in the files of older versions.</summary>
    public const string OperationColumns =
        "sequence, id, kind, host, is_simulated, vm_id, vm, target, started_at, details, process_id, process_started_at, machine, user, "
            + "state, error, ended_at, process_start";

    public const string OlderOperationColumns =
        "sequence, id, kind, host, is_simulated, vm_id, vm, target, started_at, details, process_id, process_started_at, machine, user, "
            + "state, error, ended_at, NULL";

    public const string EventColumns = "sequence, at, kind, host, vm, operation_id, message, data";

    public static string ToText(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);

    public static KumoiOperation ToOperation(SqliteDataReader row) => new()
    {
        Sequence = row.GetInt64(0),
        Id = Guid.Parse(row.GetString(1)),
        Kind = ToString(row, 2),
        VMHost = ToString(row, 3),
        IsSimulated = row.GetInt64(4) != 0,
        VMId = ToGuid(row, 5),
        VM = ToTextOrNull(row, 6),
        Target = ToTextOrNull(row, 7),
        StartedAt = ToTime(row.GetString(8)),
        Details = ToString(row, 9),
        Owner = new OperationOwner(row.GetInt32(10), ToTime(row.GetString(11)), ToString(row, 12),
            ToString(row, 13))
        {
            Start = ToTextOrNull(row, 17),
        },
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
        Message = ToString(row, 6),
        Data = ToString(row, 7),
    };

    /// <summary>
    /// As SQLite keeps a text exactly: what UTF-8 cannot say, half of a surrogate pair, as the bytes of its UTF-16.
    /// </summary>
    public static object ToColumn(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return MemoryMarshal.AsBytes(text.AsSpan()).ToArray();
            }
        }

        return text;
    }

    private static string ToString(SqliteDataReader row, int column) => row.GetValue(column) switch
    {
        byte[] bytes => new string(MemoryMarshal.Cast<byte, char>(bytes)),
        _ => row.GetString(column),
    };

    private static DateTimeOffset ToTime(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind);

    private static Guid? ToGuid(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : Guid.Parse(row.GetString(column));

    private static string? ToTextOrNull(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : ToString(row, column);

    // A name that this version does not know is the enum's zero value.
    private static T ToEnum<T>(string name)
        where T : struct, Enum => Enum.TryParse<T>(name, out var value) ? value : default;
}
