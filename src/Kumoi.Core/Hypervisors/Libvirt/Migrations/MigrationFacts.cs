namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>What is known after a migration call.</summary>
/// <param name="IsDone">The call succeeded.</param>
/// <param name="IsSourceLost">The call failed because the connection to the source was lost, so it may go on without us.</param>
/// <param name="IsJobActive">The source still has a job on the VM.</param>
/// <param name="WasPaused">Somebody had paused the VM before.</param>
/// <param name="Source">What the source has.</param>
/// <param name="Target">What the target has.</param>
internal sealed record MigrationFacts(
    bool IsDone, bool IsSourceLost, bool IsJobActive, bool WasPaused, VMWhereabouts Source, VMWhereabouts Target)
{
    /// <summary>The VM at the target; null: it is not there, or was not read.</summary>
    public VMReading? Arrived { get; init; }

    /// <summary>Decides by what both ends have. What is undecided may become clear when it is read again.</summary>
    public MigrationVerdict Judge()
    {
        var isGoneFromSource = Source is VMWhereabouts.Off or VMWhereabouts.Absent;
        var isOnTarget = Target == VMWhereabouts.Running || (WasPaused && Target == VMWhereabouts.Paused);
        if (Target == VMWhereabouts.Running && Source == VMWhereabouts.Running)
        {
            return MigrationVerdict.RunsTwice;
        }

        if (IsDone)
        {
            return Target is VMWhereabouts.Running or VMWhereabouts.Paused or VMWhereabouts.Off
                ? MigrationVerdict.Moved : MigrationVerdict.Undecided;
        }

        if (isOnTarget)
        {
            return isGoneFromSource ? MigrationVerdict.Moved
                : Source == VMWhereabouts.Unknown ? MigrationVerdict.Undecided
                : MigrationVerdict.MovedWithRemains;
        }

        if (IsSourceLost)
        {
            // The daemon may still be at it: a peer-to-peer migration goes on without its client.
            var isSettled = !IsJobActive && Target is VMWhereabouts.Absent or VMWhereabouts.Off;
            return isSettled && Source is VMWhereabouts.Running or VMWhereabouts.Paused
                ? MigrationVerdict.Stayed : MigrationVerdict.Undecided;
        }

        // The source's daemon has told that it failed, and cleaned up. A target that is dead or keeps an incoming copy changes
        // nothing in that; nor does a guest that shut itself down meanwhile.
        return Source is VMWhereabouts.Unknown or VMWhereabouts.MigrationPaused ? MigrationVerdict.Undecided : MigrationVerdict.Stayed;
    }
}
