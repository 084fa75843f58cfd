using System.Collections.Concurrent;
using Kumoi.Hypervisors;

namespace Kumoi.Speculation;

/// <summary>The operations on several hosts that this process is working on: they are not to be repaired.</summary>
internal static class OperationsUnderWay
{
    private static readonly ConcurrentDictionary<Guid, bool> UnderWay = new();

    public static bool Has(Guid operation) => UnderWay.ContainsKey(operation);

    /// <summary>It is under way until what is returned is disposed.</summary>
    public static IDisposable Enter(OperationId operation)
    {
        UnderWay[operation.Value] = true;
        return new Leaving(operation.Value);
    }

    private sealed class Leaving(Guid operation) : IDisposable
    {
        public void Dispose() => UnderWay.TryRemove(operation, out _);
    }
}
