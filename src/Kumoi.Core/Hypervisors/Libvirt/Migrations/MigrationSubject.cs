namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>What the source has of a VM that is to be moved.</summary>
/// <param name="VM">As it is now.</param>
/// <param name="IsBusy">Another job runs on it.</param>
/// <param name="Listening">Why its definition cannot listen at another host; null: it can.</param>
/// <param name="Definitions">What it is at the target, where its disks are others; else null.</param>
internal sealed record MigrationSubject(VMReading VM, bool IsBusy, MigrationObstacle? Listening, TargetDefinitions? Definitions);
