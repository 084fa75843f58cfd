using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the addresses that the DHCP of virtual networks has given away.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiDhcpLease", DefaultParameterSetName = "Name")]
[OutputType(typeof(KumoiDhcpLease))]
public sealed class GetKumoiDhcpLeaseCommand : FleetCmdlet
{
    private readonly List<KumoiConnection> _hosts = [];
    private readonly List<KumoiNetwork> _networks = [];

    /// <summary>Only of networks of these names; else of all that are active.</summary>
    [Parameter(Position = 0, ParameterSetName = "Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NetworkNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] NetworkName { get; set; } = [];

    /// <summary>Only of these hosts.</summary>
    [Parameter(ParameterSetName = "Name", ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Virtual networks, from Get-KumoiNetwork.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = "Network")]
    [ValidateNotNullOrEmpty]
    public KumoiNetwork[] Network { get; set; } = [];

    /// <summary>Only of adapters with these addresses, such as 52:54:00:12:34:56.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] MacAddress { get; set; } = [];

    /// <summary>Whether a name is missing is known at the end.</summary>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == "Network")
        {
            _networks.AddRange(Network);
        }
        else
        {
            _hosts.AddRange(FindHosts(VMHost));
        }
    }

    protected override void EndProcessing()
    {
        var networks = FindNetworks(_hosts, NetworkName, anywhere: true)
            .Where(network => network.IsActive || NetworkName.Length > 0).Concat(_networks);
        foreach (var lease in FindLeases([.. networks], MacAddress))
        {
            WriteObject(lease);
        }
    }
}
