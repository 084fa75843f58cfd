namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>What is known after a migration call.</summary>
/// <param name="IsDone">The call succeeded.</param>
/// <param name="IsSourceLost">The call failed because the connection to the source was lost, so it may go on without us.</param>
/// <param name="IsJobActive">The source still has a job on the VM.</param>
/// <param name="WasPaused">Somebody had paused the VM before.</param>
/// <param name="Source">What the source has.</param>
/// <param name="Target">What the target has.</param>
internal readonly record struct MigrationFacts(
    bool IsDone, bool IsSourceLost, bool IsJobActive, bool WasPaused, VMPlace Source, VMPlace Target)
{
    /// <summary>Decides by what both ends have. What is undecided may become clear when it is read again.</summary>
    public MigrationVerdict Judge()
    {
        bool isGoneFromSource = Source is VMPlace.Off or VMPlace.Absent;
        bool isOnTarget = Target == VMPlace.Running || (WasPaused && Target == VMPlace.Paused);
        if (Target == VMPlace.Running && Source == VMPlace.Running)
        {
            return MigrationVerdict.RunsTwice;
        }

        if (IsDone)
        {
            return Target is VMPlace.Running or VMPlace.Paused or VMPlace.Off ? MigrationVerdict.Moved : MigrationVerdict.Undecided;
        }

        if (isOnTarget)
        {
            return isGoneFromSource ? MigrationVerdict.Moved
                : Source == VMPlace.Unknown ? MigrationVerdict.Undecided
                : MigrationVerdict.MovedWithRemains;
        }

        if (IsSourceLost)
        {
            // The daemon may still be at it: a peer-to-peer migration goes on without its client.
            bool isSettled = !IsJobActive && Target is VMPlace.Absent or VMPlace.Off;
            return isSettled && Source is VMPlace.Running or VMPlace.Paused ? MigrationVerdict.Stayed : MigrationVerdict.Undecided;
        }

        // The source's daemon has told that it failed, and cleaned up. A target that is dead or keeps an incoming copy changes
        // nothing in that; nor does a guest that shut itself down meanwhile.
        return Source is VMPlace.Unknown or VMPlace.MigrationPaused ? MigrationVerdict.Undecided : MigrationVerdict.Stayed;
    }
}
