using System.Management.Automation;
using Kumoi.GuestSystems;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <content>What a whole machine is: as virt-install makes it, where nothing else is said.</content>
public sealed partial class NewKumoiVMCommand
{
    private const long DefaultMemoryBytes = 1L << 30;

    // No field: those of the other file may not be there yet.
    private static string[] OfWholeMachines =>
    [
        nameof(Iso), nameof(Firmware), nameof(CpuModel), nameof(MachineType), nameof(Topology), nameof(Tpm), nameof(OSVariant), .. OfGuests,
    ];

    private CpuTopology? _topology;
    private GuestSystem? _system;

    /// <summary>A bare machine: no screen, no agent's channel, nothing that is not named here.</summary>
    [Parameter(ParameterSetName = "Settings")]
    public SwitchParameter Minimal { get; set; }

    /// <summary>An image to start from: a path on the host, or the name of a volume in the storage pool, or a volume.</summary>
    [Parameter(ParameterSetName = "Settings", ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(VolumeNameCompleter))]
    [ValidateNotNull]
    public ImageReference? Image { get; set; }

    /// <summary>The VM's disk holds only what it changes; the image is read, and must not change.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    public SwitchParameter Linked { get; set; }

    /// <summary>How big the disk that is made of the image becomes.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [ValidateRange(1L, long.MaxValue)]
    public long? DiskSizeBytes { get; set; }

    /// <summary>The disc to install from: a path on the host, or the name of a volume in the storage pool, or a volume.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [ArgumentCompleter(typeof(VolumeNameCompleter))]
    [ValidateNotNull]
    public ImageReference? Iso { get; set; }

    [Parameter(ParameterSetName = "Settings")]
    public FirmwareKind Firmware { get; set; }

    /// <summary>host-model, host-passthrough, maximum, or a model by name.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [ArgumentCompleter(typeof(CpuModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string? CpuModel { get; set; }

    [Parameter(ParameterSetName = "Settings")]
    [ArgumentCompleter(typeof(MachineTypeCompleter))]
    [ValidateNotNullOrEmpty]
    public string? MachineType { get; set; }

    /// <summary>Sockets, cores in each, threads in each: 1x4x2.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [ValidateNotNullOrEmpty]
    public string? Topology { get; set; }

    /// <summary>A TPM 2.0, emulated by the host.</summary>
    [Parameter(ParameterSetName = "Settings")]
    public SwitchParameter Tpm { get; set; }

    /// <summary>The operating system, as libosinfo's database names it.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [ArgumentCompleter(typeof(GuestSystemCompleter))]
    [ValidateNotNullOrEmpty]
    public string? OSVariant { get; set; }

    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateNotNull]
    public string? Description { get; set; }

    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateNotNullOrEmpty]
    public string[] Tag { get; set; } = [];

    /// <summary>The host starts the VM when the host itself starts.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    public SwitchParameter AutoStart { get; set; }

    /// <summary>What can be said of the parameters before any host comes.</summary>
    private void PrepareMachine()
    {
        if (Minimal && Array.Find(OfWholeMachines, IsGiven) is { } other)
        {
            Refuse(
                $"A bare machine (-Minimal) has nothing to which -{other} could belong.", "MinimalAlone",
                $"Leave out -Minimal or -{other}.", other);
        }

        if (Image is null && Template is null && (Linked || DiskSizeBytes is not null))
        {
            Refuse(
                $"-{(Linked ? nameof(Linked) : nameof(DiskSizeBytes))} says something of the disk that is made of an image.",
                "ImageMissing", "Give the image with -Image. Empty disks are made with -NewDiskBytes.");
        }

        try
        {
            _topology = Topology is null ? null : CpuTopology.Parse(Topology);
            if (OSVariant is not null)
            {
                var database = OSInfoDatabase.Open();
                _system = database?.Find(OSVariant) ?? throw OSInfoDatabase.NotFound(OSVariant, database is not null);
            }
        }
        catch (HypervisorException e)
        {
            ThrowTerminatingError(Errors.ToRecord(e, Topology ?? OSVariant));
        }

        if (_system?.MinimumMemoryBytes is { } minimum && IsGiven(nameof(MemoryBytes)) && MemoryBytes < minimum)
        {
            WriteWarning(
                $"{_system.Name} needs {minimum >> 20} MiB of memory, and {MemoryBytes >> 20} were asked for: it may not start.");
        }
    }

    private MachineSpec? Machine(string? macAddress) => Minimal || Xml is not null ? null : new MachineSpec
    {
        MachineType = MachineType,
        Firmware = Firmware,
        CpuModel = CpuModel,
        Topology = _topology,
        HasTpm = Tpm,
        GuestSystem = _system,
        HasDefaultNetwork = !IsGiven(nameof(NetworkName)),
        MacAddress = macAddress,
    };

    private long MemoryForSystem() => IsGiven(nameof(MemoryBytes))
        ? MemoryBytes : Math.Max(DefaultMemoryBytes, _system?.RecommendedMemoryBytes ?? _system?.MinimumMemoryBytes ?? 0);

    private IEnumerable<DiskSpec> ImageDisks() => Image is null ? [] : [new DiskSpec
    {
        CopyOf = Linked ? null : Image.Text,
        TemplatePath = Linked ? Image.Text : null,
        CapacityBytes = DiskSizeBytes,
        StoragePool = StoragePool,
        Format = DiskFormat,
    }];

    private bool IsGiven(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);
}
