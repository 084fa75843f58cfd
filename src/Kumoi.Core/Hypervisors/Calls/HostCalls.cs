namespace Kumoi.Hypervisors.Calls;

/// <summary>All calls that there are.</summary>
public static class HostCalls
{
    private static readonly Lazy<IReadOnlyList<Type>> Found = new(
        static () => [.. typeof(HostCalls).Assembly.GetTypes().Where(static type => !type.IsAbstract && ResultOf(type) is not null)
            .OrderBy(static type => type.Name, StringComparer.Ordinal)]);

    public static IReadOnlyList<Type> Types => Found.Value;

    /// <summary>As fault rules name them.</summary>
    public static IEnumerable<string> Names => Types.Select(static type => type.Name);

    /// <summary>The type of a call's result; null: it is no call.</summary>
    public static Type? ResultOf(Type type)
    {
        for (var known = type; known is not null; known = known.BaseType)
        {
            if (known.IsGenericType && known.GetGenericTypeDefinition() == typeof(HostCall<>))
            {
                return known.GetGenericArguments()[0];
            }
        }

        return null;
    }
}
