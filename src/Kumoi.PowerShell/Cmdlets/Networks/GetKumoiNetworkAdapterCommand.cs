using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the network adapters of VMs.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiNetworkAdapter")]
[OutputType(typeof(KumoiNetworkAdapter))]
public sealed class GetKumoiNetworkAdapterCommand : FleetCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>Only adapters with these addresses.</summary>
    [Parameter(Position = 1)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(MacAddressCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] MacAddress { get; set; } = [];

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    protected override void ProcessRecord()
    {
        foreach (var adapter in FindAdapters([.. FindVMs(VM, VMHost)], MacAddress, AddressSources.Host))
        {
            WriteObject(adapter);
        }
    }
}
