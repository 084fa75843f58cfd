using System.Management.Automation;
using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.Workloads.Placing;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>The hosts that have room for a VM, the best first. A head of a lineage, as Get-KumoiHost is.</summary>
[Cmdlet(VerbsCommon.Find, "KumoiPlacement", DefaultParameterSetName = "Size")]
[OutputType(typeof(KumoiHost))]
public sealed class FindKumoiPlacementCommand : SourceCmdlet
{
    private readonly List<KumoiHost> _hosts = [];
    private PlacementRequest? _request;

    /// <summary>The memory that the VM needs.</summary>
    [Parameter(Position = 0, ParameterSetName = "Size")]
    [ValidateRange(0L, long.MaxValue)]
    public long MemoryBytes { get; set; } = 1L << 30;

    /// <summary>The CPUs that the VM needs: no host with fewer has room.</summary>
    [Parameter(ParameterSetName = "Size")]
    [ValidateRange(1, 1024)]
    public int CpuCount { get; set; } = 1;

    /// <summary>A VM for which room is sought, in the place of its size. The host that it is on is none of those found.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "VM")]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference VM { get; set; } = null!;

    /// <summary>Only among these hosts.</summary>
    [Parameter(ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>By what a host is preferred.</summary>
    [Parameter]
    public PlacementRank Rank { get; set; }

    /// <summary>Gives a number for each host ($_) instead; the highest is the best.</summary>
    [Parameter]
    public ScriptBlock? Score { get; set; }

    /// <summary>A busier host, 0 to 1, has no room. With 1 the load does not matter.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double MaxCpuRatio { get; set; } = 0.9;

    /// <summary>How much memory must stay free.</summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long MinFreeMemoryBytes { get; set; }

    /// <summary>With -FailureOblivious: what stands in for a host that cannot be read.</summary>
    [Parameter]
    public MaskMode MaskMode { get; set; }

    protected override void ProcessRecord()
    {
        foreach (var outcome in Enumerate(token => Fleet.ReadHostsAsync(FindHosts(VMHost), token, ThrottleLimit)))
        {
            if (outcome.Succeeded)
            {
                _hosts.Add(outcome.Result);
                continue;
            }

            WriteUnreadable(outcome.Element, outcome.Error!);
            if (Masked is not null && MaskedFailures.CanBeMasked(outcome.Error!))
            {
                _hosts.Add(outcome.Element.Mask(MaskMode, [])!);
            }
        }
    }

    protected override void EndProcessing()
    {
        var limits = new PlacementLimits(MaxCpuRatio, MinFreeMemoryBytes);
        var vms = ParameterSetName is "VM" ? FindVMs([VM], null).ToList() : [];
        if (vms.Count > 1 || (Score is not null && MyInvocation.BoundParameters.ContainsKey(nameof(Rank))))
        {
            ThrowTerminatingError(
                vms.Count > 1
                    ? Refused($"'{VM}' is {vms.Count} VMs: room is sought for one.", "TooManyVMs", "Give one VM.")
                    : Refused("-Rank and -Score are two ways to say the same.", "RankAndScore", "Give one of them."));
        }

        if (ParameterSetName is "VM" && vms.Count == 0)
        {
            return;
        }

        var vm = vms.FirstOrDefault();

        _request = vm is null
            ? new PlacementRequest(MemoryBytes, CpuCount, limits) : new PlacementRequest(vm.MemoryBytes, vm.CpuCount, limits);
        var unranked = new HashSet<KumoiHost>();
        var found = Placement.Find(
            _hosts.Where(host => vm is null || !ReferenceEquals(host.Connection, vm.Connection)), _request,
            Score is null ? Placement.RankOf(Rank) : host => ScoreOf(host, unranked)).Where(host => !unranked.Contains(host)).ToList();
        var written = 0;
        Emit(
            found.Select(host =>
            {
                written++;
                return host;
            }),
            (_, _) => Task.FromResult<IReadOnlyList<KumoiHost>>(found[written..]));
        base.EndProcessing();
    }

    private static ErrorRecord Refused(string message, string id, string action) =>
        new(new PSInvalidOperationException(message), id, ErrorCategory.InvalidArgument, null)
        {
            ErrorDetails = new ErrorDetails(message) { RecommendedAction = action },
        };

    private protected override bool IsWanted(object element) => _request!.Fits((KumoiHost)element);

    /// <summary>A host whose score fails is left out with an error, or, with -FailureOblivious, comes last.</summary>
    private double ScoreOf(KumoiHost host, HashSet<KumoiHost> unranked)
    {
        try
        {
            return LanguagePrimitives.ConvertTo<double>(
                ScriptBlockRunner.Ask(Score!, host) ?? throw new PSInvalidOperationException($"-Score gave nothing for {host.Name}."));
        }
        catch (Exception e) when (e is RuntimeException and not PipelineStoppedException)
        {
            if (Masked is null)
            {
                unranked.Add(host);
            }

            WriteUnreadable(host.Connection, e);
            return double.NaN;
        }
    }
}
