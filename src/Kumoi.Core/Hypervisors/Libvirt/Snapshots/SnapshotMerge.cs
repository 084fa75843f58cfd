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

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// libvirt-domain: virDomainBlockCommit, virDomainGetBlockJobInfo, virDomainBlockJobAbort. One disk after the other; cancelled, the
    /// VM goes on as it is. A merge that is under way already, which nobody waits for any more, is gone on with.
    /// </summary>
    public static void Run(
        LibvirtConnection connection, DomainHandle domain, IReadOnlyList<string> disks, IProgress<CopyProgress>? progress,
        CancellationToken cancellationToken)
    {
        foreach (var disk in disks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Look(connection, domain, disk) is null
                && NativeSnapshot.virDomainBlockCommit(domain, disk, null, null, new CULong(0), IntoNext | DeleteMerged | OfActive) != 0)
            {
                throw connection.Failed($"merge the disk '{disk}' of VM '{domain.Name}'", CallKind.Write);
            }

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
