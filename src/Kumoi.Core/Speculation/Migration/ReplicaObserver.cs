using Kumoi.Hypervisors;

namespace Kumoi.Speculation.Migration;

/// <summary>Notes how far each replica of a transfer is, and passes it on.</summary>
internal sealed class ReplicaObserver(IReadOnlyList<MigrationReplica> replicas, IProgress<ReplicaProgress>? next, TimeProvider time)
    : IProgress<ReplicaProgress>
{
    private readonly long _begun = time.GetTimestamp();

    public void Report(ReplicaProgress value)
    {
        // By the name that the driver gives: a host may have another one in the session.
        replicas.FirstOrDefault(replica => string.Equals(replica.Incoming!.HostName, value.Target, StringComparison.Ordinal))
            ?.Observe(value, time.GetElapsedTime(_begun));
        next?.Report(value);
    }
}
