using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes virtual networks on hosts.</summary>
[Cmdlet(VerbsCommon.New, "KumoiNetwork", SupportsShouldProcess = true, DefaultParameterSetName = OfNat)]
[OutputType(typeof(KumoiNetwork))]
public sealed class NewKumoiNetworkCommand : ActionCmdlet
{
    private const string OfNat = "Nat";
    private const string OfIsolated = "Isolated";
    private const string OfBridge = "Bridge";

    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    /// <summary>The hosts, on each of which one is made.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Its addresses, such as 192.168.150.0/24; the host gets the first, or the one that is given.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = OfNat)]
    [Parameter(Position = 1, ParameterSetName = OfIsolated)]
    [ValidateNotNullOrEmpty]
    public string? Subnet { get; set; }

    /// <summary>VMs reach each other and the host, no further.</summary>
    [Parameter(Mandatory = true, ParameterSetName = OfIsolated)]
    public SwitchParameter Isolated { get; set; }

    /// <summary>A bridge that the host has: VMs are in the network that it is in.</summary>
    [Parameter(Mandatory = true, ParameterSetName = OfBridge)]
    [ValidateNotNullOrEmpty]
    public string? Bridge { get; set; }

    /// <summary>The first address that DHCP gives away; else as many as there are.</summary>
    [Parameter(ParameterSetName = OfNat)]
    [Parameter(ParameterSetName = OfIsolated)]
    [ValidateNotNullOrEmpty]
    public string? DhcpFirst { get; set; }

    /// <summary>The last address that DHCP gives away.</summary>
    [Parameter(ParameterSetName = OfNat)]
    [Parameter(ParameterSetName = OfIsolated)]
    [ValidateNotNullOrEmpty]
    public string? DhcpLast { get; set; }

    /// <summary>VMs get no addresses there.</summary>
    [Parameter(ParameterSetName = OfNat)]
    [Parameter(ParameterSetName = OfIsolated)]
    public SwitchParameter NoDhcp { get; set; }

    /// <summary>It is only defined.</summary>
    [Parameter]
    public SwitchParameter NoStart { get; set; }

    /// <summary>The host does not start it when the host itself starts.</summary>
    [Parameter]
    public SwitchParameter NoAutoStart { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        foreach (var reference in VMHost)
        {
            foreach (var host in FindHosts([reference]))
            {
                yield return new ActionRequest.OnWorker
                {
                    Target = reference.Host ?? (object)host.Name,
                    ShouldProcessTarget = host.Name,
                    Verb = $"Make the network '{Name}' ({Bridge ?? Subnet ?? "isolated"})",
                    Origin = LineageSource.OriginOf(reference.Host),
                    Work = async (_, token) =>
                    {
                        var made = await HostNetworks.CreateAsync(host, CreateSpec(), token);
                        return new ActionResult([made], _ => HostNetworks.RemoveAsync(made, CancellationToken.None));
                    },
                };
            }
        }
    }

    private NetworkSpec CreateSpec()
    {
        var (address, first, last) = Subnet is null ? default : HostNetworks.Divide(Subnet);
        return new NetworkSpec
        {
            Name = Name,
            Kind = ParameterSetName switch
            {
                OfBridge => NetworkKind.Bridge,
                OfIsolated => NetworkKind.Isolated,
                _ => NetworkKind.Nat,
            },
            Address = address,
            DhcpFirst = NoDhcp ? null : DhcpFirst ?? first,
            DhcpLast = NoDhcp ? null : DhcpLast ?? last,
            Bridge = Bridge,
            IsStarted = !NoStart,
            IsAutostart = !NoAutoStart,
        };
    }
}
