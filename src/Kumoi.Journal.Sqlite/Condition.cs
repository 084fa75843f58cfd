namespace Kumoi.Journal.Sqlite;

/// <summary>What rows must fulfil, as SQL with parameters.</summary>
internal sealed record Condition(string Sql, params (string Name, string Value)[] Parameters)
{
    public static Condition AnyOf(string column, IEnumerable<string> values)
    {
        var parameters = values.Select((value, i) => ($"@{column}{i}", value)).ToArray();
        return new Condition($"{column} IN ({string.Join(", ", parameters.Select(parameter => parameter.Item1))})", parameters);
    }
}
