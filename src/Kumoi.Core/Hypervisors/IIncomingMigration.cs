namespace Kumoi.Hypervisors;

/// <summary>
/// One target of a migration that its caller drives. The target holds a paused copy, which its hypervisor destroys when the caller dies, or
/// disposes this, before <see cref="Calls.FinishMigration"/>.
/// </summary>
public interface IIncomingMigration : IAsyncDisposable
{
    /// <summary>The target's name in the session.</summary>
    string HostName { get; }

    /// <summary>The VM's name.</summary>
    string VMName { get; }
}
