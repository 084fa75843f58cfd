using Kumoi.Journal;

namespace Kumoi.Journal.Sqlite;

/// <summary>What rows must fulfil, as SQL with parameters.</summary>
internal sealed record Condition(string Sql, params (string Name, string Value)[] Parameters)
{
    public static Condition AnyOf(string column, IEnumerable<string> values)
    {
        var parameters = values.Select((value, i) => ($"@{column}{i}", value)).ToArray();
        return new Condition($"{column} IN ({string.Join(", ", parameters.Select(parameter => parameter.Item1))})", parameters);
    }

    /// <summary>
    /// The names are in the SQL: whether an index over some of the rows will do SQLite decides before it knows any parameter
    /// (https://sqlite.org/partialindex.html).
    /// </summary>
    public static Condition OfState(IReadOnlyList<OperationState> states) =>
        new(states.Count == 1 ? $"state = '{states[0]}'" : $"state IN ({string.Join(", ", states.Select(state => $"'{state}'"))})");
}
