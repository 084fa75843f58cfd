using Kumoi.Journal;

namespace Kumoi.Journal.Sqlite;

/// <summary>What rows must fulfil, as SQL with parameters.</summary>
internal sealed record Condition(string Sql, params (string Name, string Value)[] Parameters)
{
    public static Condition AnyOf<T>(string column, IReadOnlyList<T> values, Func<T, string> toText)
    {
        var names = new string[values.Count];
        var parameters = new (string Name, string Value)[values.Count];
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = $"@{column}{i}";
            parameters[i] = (names[i], toText(values[i]));
        }

        return new Condition($"{column} IN ({string.Join(", ", names)})", parameters);
    }

    /// <summary>
    /// The names are in the SQL: whether an index over some of the rows will do SQLite decides before it knows any parameter
    /// (https://sqlite.org/partialindex.html).
    /// </summary>
    public static Condition OfState(IReadOnlyList<OperationState> states) =>
        new(states.Count == 1 ? $"state = '{states[0]}'" : $"state IN ({string.Join(", ", states.Select(state => $"'{state}'"))})");
}
