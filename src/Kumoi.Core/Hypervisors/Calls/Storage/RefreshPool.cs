namespace Kumoi.Hypervisors.Calls;

/// <summary>Lets the host look what is in an active storage pool, and how much room there is.</summary>
/// <param name="Id">The pool: names can be given to another between two calls.</param>
public sealed record RefreshPool(Guid Id) : HostCall<PoolReading>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;
}
