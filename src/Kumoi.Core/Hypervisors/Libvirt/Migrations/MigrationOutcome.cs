using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>How a migration call ended.</summary>
/// <param name="Failure">libvirt's error; null on success.</param>
/// <param name="SourceLoss">Why the connection to the source is gone; null if it is not.</param>
/// <param name="TargetLoss">The same of the target; always null in peer-to-peer mode, which has no such connection.</param>
internal sealed record MigrationOutcome(LibvirtFailure? Failure, ConnectionLoss? SourceLoss, ConnectionLoss? TargetLoss);
