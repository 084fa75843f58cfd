using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>How a phase of a migration ended.</summary>
/// <param name="Failure">libvirt's error; null on success.</param>
/// <param name="Loss">Why the connection is gone; null if it is not.</param>
/// <param name="Cookie">What the phase has to tell the next one on the other host.</param>
internal sealed record PhaseOutcome(LibvirtFailure? Failure, ConnectionLoss? Loss, byte[] Cookie)
{
    /// <summary>Nobody knows whether the phase took effect.</summary>
    public bool IsUnknown =>
        Failure is { Code: var code } && (Loss is not null || code is LibvirtCode.Rpc or LibvirtCode.InvalidConnection);
}
