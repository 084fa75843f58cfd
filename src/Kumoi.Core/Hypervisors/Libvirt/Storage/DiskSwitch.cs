using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Lets disks of VMs be other images (libvirt-domain: virDomainBlockCopy). Its methods block.</summary>
internal static unsafe class DiskSwitch
{
    // virDomainBlockCopyFlags: into an image that is there; although the job would not outlive the VM.
    private const uint ReuseExternal = 1 << 1;
    private const uint TransientJob = 1 << 2;

    private const uint Pivot = 1 << 1; // VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    public static Task<Done> RunAsync(LibvirtLink host, SwitchDisk call, CancellationToken cancellationToken) =>
        host.KeepAsync(host.RunJobAsync(connection => Run(connection, call, cancellationToken)));

    /// <summary>virDomainBlockJobAbort of a job that copies there.</summary>
    public static void Abandon(LibvirtConnection connection, DomainHandle domain, AbandonDiskCopy call)
    {
        if (VMDefiner.IsActive(connection, domain)
            && DiskDefinition.Find(DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain)), call.Target) is { } disk
            && disk.Element("mirror") is { } mirror
            && (DomainCopy.ImageOf(mirror) ?? (string?)mirror.Attribute("file")) is { } path
            && ImagePath.Normalize(path) == ImagePath.Normalize(call.NewPath))
        {
            Stop(connection, domain, call.Target);
        }
    }

    private static Done Run(LibvirtConnection connection, SwitchDisk call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = DeviceChange.ReadBoth(connection, domain);
        DiskDefinition.EnsureIs(DiskDefinition.Find((now ?? definition)!, call.Target), domain.Name, call.Target, call.Path);
        if (now is null)
        {
            SwitchOff(connection, domain, call);
            return default;
        }

        CopyLive(connection, domain, call, cancellationToken);

        // libvirt changes the definition too; where it has not, the VM would start from what it left.
        if (VMDefiner.IsPersistent(connection, domain))
        {
            var next = DomainDefinition.Parse(DomainCalls.ReadDefinition(connection, domain));
            if (DiskDefinition.Find(next, call.Target) is { } disk && DomainCopy.ImageOf(disk) == call.Path)
            {
                Redefine(connection, next, disk, call.NewPath, call.Format);
            }
        }

        return default;
    }

    private static void CopyLive(LibvirtConnection connection, DomainHandle domain, SwitchDisk call, CancellationToken cancellationToken)
    {
        if (Look(connection, domain, call.Target) is not null)
        {
            throw new HypervisorException(
                $"The disk '{call.Target}' of '{domain.Name}' cannot be moved on {connection.Label}: another job works on it.",
                FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Wait until that is over ('virsh blockjob' shows it), and try again.");
        }

        var isBlock = call.NewPath.StartsWith("/dev/", StringComparison.Ordinal);
        var to = new XElement(
            "disk",
            new XAttribute("type", isBlock ? "block" : "file"),
            new XElement("driver", new XAttribute("type", call.Format)),
            new XElement("source", new XAttribute(isBlock ? "dev" : "file", call.NewPath)));
        var action = $"copy the disk '{call.Target}' of VM '{domain.Name}' to '{call.NewPath}'";
        connection.Change(
            NativeSnapshot.virDomainBlockCopy(domain, call.Target, to.ToString(), null, 0, ReuseExternal | TransientJob),
            action);
        while (!TryPivot(connection, domain, call, action, cancellationToken))
        {
            if (cancellationToken.WaitHandle.WaitOne(BetweenLooks))
            {
                Stop(connection, domain, call.Target);
                throw new OperationCanceledException($"'{domain.Name}' goes on with the disk that it has.", cancellationToken);
            }
        }
    }

    /// <summary>False: not all is copied yet.</summary>
    private static bool TryPivot(
        LibvirtConnection connection, DomainHandle domain, SwitchDisk call, string action, CancellationToken cancellationToken)
    {
        if (Look(connection, domain, call.Target) is not { } job)
        {
            throw new HypervisorException(
                $"Cannot {action} on {connection.Label}: it ended before all was copied, and the VM has what it had.",
                FaultDomain.Storage, error: HypervisorError.StorageFailed, recommendedAction: "Check the free space there.");
        }

        call.Progress?.Report(new CopyProgress((long)job.End, (long)job.Current));
        if (job.End == 0 || job.Current < job.End || cancellationToken.IsCancellationRequested)
        {
            return false;
        }

        if (NativeSnapshot.virDomainBlockJobAbort(domain, call.Target, Pivot) == 0)
        {
            return true;
        }

        var failure = NativeError.Last();
        return failure.Code is LibvirtCode.BlockCopyActive ? false : throw connection.ToException(failure, action, CallKind.Write);
    }

    private static VirDomainBlockJobInfo? Look(LibvirtConnection connection, DomainHandle domain, string disk)
    {
        VirDomainBlockJobInfo info;
        return NativeSnapshot.virDomainGetBlockJobInfo(domain, disk, &info, 0) switch
        {
            0 => null,
            > 0 => info,
            _ => throw connection.Failed($"read how far the disk '{disk}' of VM '{domain.Name}' is copied"),
        };
    }

    private static void Stop(LibvirtConnection connection, DomainHandle domain, string disk)
    {
        if (NativeSnapshot.virDomainBlockJobAbort(domain, disk, 0) != 0 && Look(connection, domain, disk) is not null)
        {
            throw connection.Failed($"stop copying the disk '{disk}' of VM '{domain.Name}'", CallKind.Write);
        }
    }

    /// <summary>
    /// A VM that was started since its image was copied has written to it, which the image tells; one that starts while it is defined anew
    /// runs with what it had, and is defined so again.
    /// </summary>
    private static void SwitchOff(LibvirtConnection connection, DomainHandle domain, SwitchDisk call)
    {
        if (ModifiedAt(connection, call.Path) != call.ModifiedAt)
        {
            throw SwitchDisk.WasWritten(domain.Name, call.Target, call.Path);
        }

        Redefine(call.Path, call.NewPath);
        if ((VMDefiner.IsActive(connection, domain)
                && DiskDefinition.Find(DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain)), call.Target) is { } disk
                && DomainCopy.ImageOf(disk) != call.NewPath)
            || ModifiedAt(connection, call.Path) != call.ModifiedAt)
        {
            Redefine(call.NewPath, call.Path);
            throw SwitchDisk.WasWritten(domain.Name, call.Target, call.Path);
        }

        void Redefine(string from, string to)
        {
            var definition = DomainDefinition.Parse(DomainCalls.ReadDefinition(connection, domain));
            var defined = DiskDefinition.Find(definition, call.Target);
            DiskDefinition.EnsureIs(defined, domain.Name, call.Target, from);
            DiskSwitch.Redefine(connection, definition, defined!, to, call.Format);
        }
    }

    private static string? ModifiedAt(LibvirtConnection connection, string path)
    {
        using var volume = VolumeStore.FindByPath(connection, path);
        return volume is null ? null : VolumeDefinition.Read("", VolumeStore.ReadXml(connection, volume)).ModifiedAt;
    }

    private static void Redefine(LibvirtConnection connection, XElement definition, XElement disk, string path, string format)
    {
        DomainCopy.Redirect(disk, path, format);
        VMDefiner.Redefine(connection, definition, $"define VM '{(string?)definition.Element("name")}' with another disk");
    }
}
