using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;
using Kumoi.Speculation.Start;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>
/// Makes one VM on each host. A host that fails is replaced by the next that the same pipeline would have chosen. With -Speculative it
/// makes one VM, on the first of the hosts that has it ready, and starts it there.
/// </summary>
[Cmdlet(VerbsCommon.New, "KumoiVM", SupportsShouldProcess = true, DefaultParameterSetName = "Settings")]
[OutputType(typeof(KumoiVM))]
public sealed partial class NewKumoiVMCommand : SpeculativeActionCmdlet
{
    private readonly CopyCheck _copies = new();
    private bool _nameWasGiven;
    private VMSpec? _spec;

    /// <summary>The VM's name; a script block is evaluated for each host. With -Xml it may be left out.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = "Settings")]
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = ByTemplate)]
    [Parameter(ParameterSetName = "Xml", Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ValidateRange(1L << 20, long.MaxValue)]
    public long MemoryBytes { get; set; } = DefaultMemoryBytes;

    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [Alias("vCPU")]
    [ValidateRange(1, 1024)]
    public int CpuCount { get; set; } = 1;

    /// <summary>Paths, on the host, of existing disk images.</summary>
    [Parameter(ParameterSetName = "Settings")]
    public string[] DiskPath { get; set; } = [];

    /// <summary>Path, on the host, of a floppy image: read only.</summary>
    [Parameter(ParameterSetName = "Settings")]
    public string? FloppyPath { get; set; }

    /// <summary>Makes a new volume of each of these sizes in the storage pool.</summary>
    [Parameter(ParameterSetName = "Settings")]
    public long[] NewDiskBytes { get; set; } = [];

    /// <summary>
    /// Paths, on the host, of images to start from: each becomes a new volume in the storage pool that holds only what the VM changes. The
    /// image is read, and must not change.
    /// </summary>
    [Parameter(ParameterSetName = "Settings")]
    public string[] DiskTemplatePath { get; set; } = [];

    [Parameter(ParameterSetName = "Settings")]
    [Parameter(ParameterSetName = ByTemplate)]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string StoragePool { get; set; } = "default";

    [Parameter(ParameterSetName = "Settings")]
    [ValidateSet("qcow2", "raw")]
    public string? DiskFormat { get; set; }

    /// <summary>Names of libvirt networks; one interface each.</summary>
    [Parameter(ParameterSetName = "Settings")]
    [Alias("Network")]
    [ArgumentCompleter(typeof(NetworkNameCompleter))]
    [AllowEmptyCollection]
    public string[] NetworkName { get; set; } = [];

    /// <summary>Path, on the host, of a kernel to boot directly.</summary>
    [Parameter(ParameterSetName = "Settings")]
    public string? Kernel { get; set; }

    [Parameter(ParameterSetName = "Settings")]
    public string? Initrd { get; set; }

    [Parameter(ParameterSetName = "Settings")]
    public string? KernelArguments { get; set; }

    /// <summary>The hypervisor's own domain XML; -Name replaces the name in it.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Xml", ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [XmlText]
    public string? Xml { get; set; }

    /// <summary>Starts the VM too. If that fails, the VM is removed again.</summary>
    [Parameter]
    public SwitchParameter Start { get; set; }

    private protected override void Prepare()
    {
        base.Prepare();
        _nameWasGiven = IsGiven(nameof(Name));
        PrepareMachine();
        PrepareTemplate();
        PrepareGuest();
    }

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        VMSpec spec;
        CopyOptions? copy;
        try
        {
            copy = Template is null ? null : FromTemplate();
            spec = copy is null ? Spec() : new VMSpec { Name = Name ?? "" };
        }
        catch (HypervisorException e)
        {
            WriteFailure(e, Name);
            yield break;
        }

        foreach (var reference in VMHost)
        {
            // A host has a Name too, and PowerShell binds it: nobody means that.
            var isHostsName = !_nameWasGiven && reference.Host is { } piped && string.Equals(piped.Name, Name, StringComparison.Ordinal);
            if (isHostsName && Xml is null)
            {
                var named = reference.Host!;
                WriteError(new ErrorRecord(
                    new PSInvalidOperationException($"The VM on {named.Name} has no name."), "NameMissing", ErrorCategory.InvalidArgument,
                    named)
                {
                    ErrorDetails = new ErrorDetails($"The VM on {named.Name} has no name.")
                    {
                        RecommendedAction = "Give one for each host: -Name { \"web-$($_.Name)\" }",
                    },
                });
                continue;
            }

            spec = isHostsName ? spec with { Name = "" } : spec;
            foreach (var host in FindHosts([reference]))
            {
                if (IsWhatIf() && WouldFail(spec) is { } problem)
                {
                    WriteFailure(problem, reference.Host ?? (object)host.Name);
                    continue;
                }

                _spec ??= spec;
                yield return copy is not null ? TemplateRequest(host, reference.Host, spec.Name, copy)
                    : Speculative
                    ? CandidateRequest(host, reference.Host, "Create and start on") : Request(host, reference.Host, spec);
            }
        }
    }

    /// <summary>What a host would say, as far as it is known without one.</summary>
    private static HypervisorException? WouldFail(VMSpec spec)
    {
        try
        {
            VMSpecCheck.Ensure(spec);
            return null;
        }
        catch (HypervisorException e)
        {
            return e;
        }
    }

    /// <summary>Hosts come one by one; the VM is made when all are there.</summary>
    private protected override IEnumerable<ActionRequest> CreateLastRequests()
    {
        if (!Speculative || Candidates is not { Count: > 0 } candidates)
        {
            return [];
        }

        var start = new SpeculativeStart(_spec!, CreateOptions(), TimeProvider.System);
        return [SpeculativeRequest(start, _spec!.Name.Length > 0 ? _spec.Name : "as in the XML", candidates)];
    }

    private ActionRequest.ForSeveralHosts SpeculativeRequest(SpeculativeStart start, string name, IReadOnlyList<KumoiConnection> candidates)
    {
        if (GoesByJournal)
        {
            WriteVerbose($"{start.Plan(candidates).Reason}.");
        }

        return new ActionRequest.ForSeveralHosts
        {
            Target = name,
            ShouldProcessTarget = $"one of {string.Join(", ", candidates)}",
            Verb = $"Create and start VM '{name}'",
            ForOthers = others => SpeculativeRequest(start, name, others),
            Work = async (progress, token) =>
            {
                await _copies.TellAsync(await VMActions.EnsureOnlyCopyAsync(Fleet, _spec!, candidates[0], token), progress, token);
                using var reporter = new ReplicaProgressReporter(progress, name, target => $"Making {name} on {target}", expectedBytes: 0);
                var made = await RunAsync(name, () => start.RunAsync(candidates, reporter, token), progress, token);
                KumoiSession.NoteMade(made.Id);
                return new ActionResult([made]);
            },
        };
    }

    private ActionRequest.OnWorker Request(KumoiConnection host, KumoiHost? given, VMSpec spec)
    {
        bool start = Start, keepFailed = KeepFailed;
        return new ActionRequest.OnWorker
        {
            Target = given ?? (object)host.Name,
            ShouldProcessTarget = host.Name,
            Verb = $"Create {(start ? "and start " : "")}VM '{(spec.Name.Length > 0 ? spec.Name : "as in the XML")}'",
            Origin = LineageSource.OriginOf(given),
            Work = async (progress, token) =>
            {
                if (start)
                {
                    await _copies.TellAsync(await VMActions.EnsureOnlyCopyAsync(Fleet, spec, host, token), progress, token);
                }

                var operation = OperationId.New();
                var vm = await VMActions.CreateAsync(host, spec, start, keepFailed, operation, token);
                KumoiSession.NoteMade(vm.Id);
                return new ActionResult([vm], movedTo => VMActions.UndoCreationAsync(movedTo ?? host, vm.Name, operation));
            },
        };
    }

    private VMSpec Spec()
    {
        var seed = Seed(Name ?? "");
        return new VMSpec
        {
            Name = Name ?? "",
            Description = Description,
            Tags = Tag,
            IsAutostart = AutoStart,
            MemoryBytes = MemoryForSystem(),
            CpuCount = IsGiven(nameof(CpuCount)) ? CpuCount : _topology?.CpuCount ?? CpuCount,
            Disks =
            [
                .. ImageDisks(),
                .. DiskPath.Select(path => new DiskSpec { Path = path, Format = DiskFormat }),
                .. DiskTemplatePath.Select(path => new DiskSpec { TemplatePath = path, StoragePool = StoragePool, Format = DiskFormat }),
                .. NewDiskBytes.Select(bytes => new DiskSpec { NewVolumeBytes = bytes, StoragePool = StoragePool, Format = DiskFormat }),
                .. FloppyPath is null ? (DiskSpec[])[] : [new DiskSpec { Path = FloppyPath, Floppy = true }],
                .. Iso is null ? (DiskSpec[])[] : [new DiskSpec { Path = Iso.Text, IsCd = true, StoragePool = StoragePool }],
                .. seed is null ? (DiskSpec[])[] : [new DiskSpec { Content = seed.Value.Image, IsCd = true, StoragePool = StoragePool }],
            ],
            Networks = NetworkName,
            Kernel = Kernel,
            Initrd = Initrd,
            KernelArguments = KernelArguments,
            Machine = Machine(seed?.MacAddress),
            Xml = Xml,
        };
    }
}
