namespace Kumoi.Hypervisors;

/// <summary>
/// What calls on hosts have to tell beside their results: they have taken effect, but not all of what was asked for. Who begins calls may
/// listen; it flows with the asynchronous calls that are begun meanwhile, also with those that undo.
/// </summary>
public static class CallWarnings
{
    private static readonly AsyncLocal<Action<string>?> Listener = new();

    /// <summary>Hears the warnings of the calls that are begun until the result is disposed. May be called from any thread.</summary>
    public static IDisposable Listen(Action<string> listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        var outer = Listener.Value;
        Listener.Value = listener;
        return new Restoration(outer);
    }

    /// <summary>A sentence for the admin, without secrets.</summary>
    internal static void Tell(string warning) => Listener.Value?.Invoke(warning);

    internal static void Tell(IEnumerable<string> warnings)
    {
        foreach (var warning in warnings)
        {
            Tell(warning);
        }
    }

    private sealed class Restoration(Action<string>? outer) : IDisposable
    {
        public void Dispose() => Listener.Value = outer;
    }
}
