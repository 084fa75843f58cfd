using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Engines.Colo;

/// <summary>A primary and a standby that are in COLO.</summary>
internal sealed class ColoCourse : IAsyncDisposable
{
    /// <summary>Which standby it is.</summary>
    public required int Number { get; init; }

    /// <summary>Tells it from others of that number.</summary>
    public required string Attempt { get; init; }

    public required ColoQemu Primary { get; init; }

    public required ColoQemu Standby { get; init; }

    /// <summary>Where it is told that network packets of the two differ; null: the VM has no cards.</summary>
    public ComparerNotices? Notices { get; init; }

    /// <summary>The checkpoint that QEMU was asked for, and of which is not known yet whether the standby has taken it.</summary>
    public CheckpointMark? Asked { get; set; }

    /// <summary>When, by the clock of waits.</summary>
    public long AskedAt { get; set; }

    /// <summary>Whether two monitors have answered at the end of a first checkpoint.</summary>
    public bool IsTried { get; set; }

    public bool IsOf(CheckpointJob job, Guid domain) =>
        Primary.Host == job.Primary && Primary.Domain == domain && Standby.Host == job.Backup;

    /// <summary>
    /// Of devices a checkpoint does not have all: a PCI device that the firmware of a standby whose guest has crashed has switched off
    /// stays so when the standby has the primary's state again, and after a takeover the VM's card would be dead.
    /// </summary>
    /// <exception cref="HypervisorException">VMNotFound: it is a standby no more, and a new one is made.</exception>
    public void RefuseReset()
    {
        if (Standby.HasReset)
        {
            throw new HypervisorException(
                $"The standby on {Standby.Host.HostName} has been reset, as by a guest that has crashed or restarts.",
                FaultDomain.VM, isTransient: true, error: HypervisorError.VMNotFound, recommendedAction: "A new one is made.");
        }
    }

    /// <summary>Lets go of both sides. They themselves stay.</summary>
    public async ValueTask DisposeAsync()
    {
        await Primary.DisposeAsync();
        await Standby.DisposeAsync();
        Notices?.Dispose();
    }
}
