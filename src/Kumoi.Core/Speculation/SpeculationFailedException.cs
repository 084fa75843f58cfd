namespace Kumoi.Speculation;

/// <summary>No target won, and the VM runs on where it was. The inner exception is the first cause.</summary>
public sealed class SpeculationFailedException(string message, Exception cause, IReadOnlyList<ReplicaOutcome> replicas)
    : Exception(message, cause), IFaultDomainSource
{
    public IReadOnlyList<ReplicaOutcome> Replicas => replicas;

    public FaultDomain FaultDomain => (InnerException as IFaultDomainSource)?.FaultDomain ?? FaultDomain.Unknown;
}
