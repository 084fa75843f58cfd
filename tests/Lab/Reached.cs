using Kumoi.Hypervisors;

namespace Kumoi.Tests.Lab;

/// <summary>Does something once, when a target has taken that many bytes.</summary>
internal sealed class Reached(long bytes, Action act) : IProgress<ReplicaProgress>
{
    private bool _isDone;

    public long Most { get; private set; }

    public void Report(ReplicaProgress value)
    {
        Most = Math.Max(Most, value.BytesTaken);
        if (!_isDone && value.BytesTaken >= bytes)
        {
            _isDone = true;
            act();
        }
    }
}
