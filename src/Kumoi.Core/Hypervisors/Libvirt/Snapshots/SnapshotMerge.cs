using System.Runtime.InteropServices;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Snapshots;

/// <summary>Merges what a VM that runs has written since its newest snapshot into the images below. Its methods block.</summary>
internal static unsafe class SnapshotMerge
{
    // virDomainBlockCommitFlags
    private const uint IntoNext = 1 << 0;
    private const uint DeleteMerged = 1 << 1;
    private const uint OfActive = 1 << 2;

    private const uint Pivot = 1 << 1; // VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
    private const int ActiveCommit = 4; // VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// libvirt-domain: virDomainBlockCommit, virDomainGetBlockJobInfo, virDomainBlockJobAbort. One disk after the other; cancelled, the
    /// VM goes on as it is.
    /// </summary>
    /// <param name="connection">To the host.</param>
    /// <param name="domain">The VM.</param>
    /// <param name="disks">Those whose newest images are merged.</param>
    /// <param name="wasBegun">As <see cref="IsUnderWay"/> has it.</param>
    /// <param name="progress">Of each disk.</param>
    /// <param name="cancellationToken">Stops the merge.</param>
    public static void Run(
        LibvirtConnection connection, DomainHandle domain, IReadOnlyList<string> disks, bool wasBegun, IProgress<CopyProgress>? progress,
        CancellationToken cancellationToken)
    {
        foreach (var disk in disks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!IsUnderWay(connection, domain, disk, wasBegun))
            {
                connection.Change(
                    NativeSnapshot.virDomainBlockCommit(domain, disk, null, null, new CULong(0), IntoNext | DeleteMerged | OfActive),
                    $"merge the disk '{disk}' of VM '{domain.Name}'");
            }

            connection.NoteChange(); // also where an earlier removal has begun it

            while (!TryPivot(connection, domain, disk, progress))
            {
                if (cancellationToken.WaitHandle.WaitOne(BetweenLooks))
                {
                    Stop(connection, domain, disk);
                    throw new OperationCanceledException($"'{domain.Name}' goes on: the merge was stopped.", cancellationToken);
                }
            }
        }
    }

    /// <summary>Whether the disk is being merged already.</summary>
    /// <param name="connection">To the host.</param>
    /// <param name="domain">The VM.</param>
    /// <param name="disk">The disk.</param>
    /// <param name="wasBegun">
    /// A merge that is under way is of an earlier removal, which nobody waits for any more. Any other job is somebody else's, such as a copy
    /// that would move the VM to where it goes.
    /// </param>
    /// <exception cref="HypervisorException">InvalidState: another job works on it.</exception>
    public static bool IsUnderWay(LibvirtConnection connection, DomainHandle domain, string disk, bool wasBegun) =>
        Look(connection, domain, disk) switch
        {
            null => false,
            { Type: ActiveCommit } when wasBegun => true,
            _ => throw new HypervisorException(
                $"The disk '{disk}' of VM '{domain.Name}' cannot be merged on {connection.Label}: another job works on it.",
                FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Wait until that is over ('virsh blockjob' shows it), and remove the snapshot again."),
        };

    /// <summary>False: not all is merged yet.</summary>
    private static bool TryPivot(LibvirtConnection connection, DomainHandle domain, string disk, IProgress<CopyProgress>? progress)
    {
        if (Look(connection, domain, disk) is not { } job)
        {
            throw new HypervisorException(
                $"The merge of the disk '{disk}' of '{domain.Name}' ended on {connection.Label} before all was merged.",
                FaultDomain.Storage, error: HypervisorError.StorageFailed,
                recommendedAction: "Check the free space where the images are, and remove the snapshot again.");
        }

        progress?.Report(new CopyProgress((long)job.End, (long)job.Current));
        if (job.End == 0 || job.Current < job.End)
        {
            return false;
        }

        if (NativeSnapshot.virDomainBlockJobAbort(domain, disk, Pivot) == 0)
        {
            return true;
        }

        var failure = NativeError.Last();
        return failure.Code is LibvirtCode.BlockCopyActive
            ? false : throw connection.ToException(failure, $"merge the disk '{disk}' of VM '{domain.Name}'", CallKind.Write);
    }

    private static VirDomainBlockJobInfo? Look(LibvirtConnection connection, DomainHandle domain, string disk)
    {
        VirDomainBlockJobInfo info;
        return NativeSnapshot.virDomainGetBlockJobInfo(domain, disk, &info, 0) switch
        {
            0 => null,
            > 0 => info,
            _ => throw connection.Failed($"read how far the disk '{disk}' of VM '{domain.Name}' is merged"),
        };
    }

    private static void Stop(LibvirtConnection connection, DomainHandle domain, string disk)
    {
        if (NativeSnapshot.virDomainBlockJobAbort(domain, disk, 0) != 0 && Look(connection, domain, disk) is not null)
        {
            throw connection.Failed($"stop merging the disk '{disk}' of VM '{domain.Name}'", CallKind.Write);
        }
    }
}
