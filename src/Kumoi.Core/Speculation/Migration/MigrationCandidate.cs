using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Speculation.Migration;

/// <summary>A target that has the whole VM.</summary>
internal sealed class MigrationCandidate(
    MigrationReplica replica,
    Func<MigrationReplica, Task<VMWhereabouts>> read,
    Func<MigrationReplica, Task> abandon) : ICommitCandidate
{
    public MigrationReplica Replica => replica;

    public string Name => replica.Name;

    public async Task StartAsync()
    {
        replica.WasNamed = true;
        await replica.Target.Link.SendAsync(new FinishMigration(replica.Incoming!), CancellationToken.None);
    }

    /// <summary>libvirt takes a second one for another migration's.</summary>
    public Task TryAgainAsync() => Task.CompletedTask;

    public Task<VMWhereabouts> ReadAsync() => read(replica);

    public bool IsWaiting(VMWhereabouts place, bool isAnswered) => place is VMWhereabouts.MigrationPaused or VMWhereabouts.Stopping;

    public Task AbandonAsync() => abandon(replica);
}
