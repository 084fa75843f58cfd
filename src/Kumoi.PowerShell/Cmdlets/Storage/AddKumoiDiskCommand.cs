using System.Collections.Concurrent;
using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gives VMs disks: new volumes, or images that are there. Also while they run.</summary>
[Cmdlet(VerbsCommon.Add, "KumoiDisk", SupportsShouldProcess = true, DefaultParameterSetName = "New")]
[OutputType(typeof(KumoiVM))]
public sealed class AddKumoiDiskCommand : VMActionCmdlet
{
    private readonly ConcurrentDictionary<KumoiVM, KumoiDisk> _added = new(ReferenceEqualityComparer.Instance);

    /// <summary>Makes a new volume of this size.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "New")]
    [ValidateRange(1L << 20, 1L << 56)]
    public long SizeBytes { get; set; }

    /// <summary>Where the new volume is made.</summary>
    [Parameter(ParameterSetName = "New")]
    [ValidateNotNullOrEmpty]
    public string StoragePool { get; set; } = "default";

    /// <summary>The new volume's name; else that of the VM with a number.</summary>
    [Parameter(ParameterSetName = "New")]
    [ValidateNotNullOrEmpty]
    public string? VolumeName { get; set; }

    /// <summary>Path, on the host, of an image that is there.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Path")]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    /// <summary>The VM only reads it.</summary>
    [Parameter(ParameterSetName = "Path")]
    public SwitchParameter ReadOnly { get; set; }

    [Parameter]
    [ValidateSet("qcow2", "raw")]
    public string? Format { get; set; }

    /// <summary>How the disk is connected in the guest.</summary>
    [Parameter]
    public DiskBus Bus { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb =>
        Path is null ? FormattableString.Invariant($"Add a new disk of {SizeBytes / 1073741824.0:0.###} GiB") : $"Add the disk '{Path}'";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken)
    {
        _added[vm] = await VMDisks.AddAsync(
            vm,
            new DiskAddition
            {
                Path = Path,
                NewVolumeBytes = Path is null ? SizeBytes : null,
                StoragePool = StoragePool,
                VolumeName = VolumeName,
                Format = Format,
                Bus = Bus,
                IsReadOnly = ReadOnly,
            },
            cancellationToken);
        return await VMActions.ReadAgainAsync(vm, CancellationToken.None);
    }

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm)
    {
        var isNew = Path is null;
        return _added.TryGetValue(vm, out var added)
            ? async movedTo => await VMDisks.RemoveAsync(
                new KumoiDisk(vm.At(movedTo), added.Reading, added.CapturedAt), deleteVolume: isNew, CancellationToken.None)
            : null;
    }
}
