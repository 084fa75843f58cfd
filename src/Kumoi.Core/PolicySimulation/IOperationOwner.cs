namespace Kumoi.PolicySimulation;

/// <summary>Whoever wants operations done: a workload. It keeps the room on hosts.</summary>
internal interface IOperationOwner
{
    /// <summary>Takes room for the operation's VM on a target, if there is some.</summary>
    bool TryReserve(LogicalOperation operation, int host);

    /// <summary>Gives that room back.</summary>
    void Release(LogicalOperation operation, int host);

    /// <summary>The VM is on the winner, whose room is still reserved.</summary>
    void Succeed(LogicalOperation operation, int winner);

    /// <summary>No target took it, and it is not tried again.</summary>
    void GiveUp(LogicalOperation operation);
}
