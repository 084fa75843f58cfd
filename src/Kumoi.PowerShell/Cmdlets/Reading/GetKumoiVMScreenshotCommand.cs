using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets pictures of the screens of VMs.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiVMScreenshot")]
[OutputType(typeof(KumoiVMScreenshot))]
public sealed class GetKumoiVMScreenshotCommand : FleetCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    protected override void ProcessRecord()
    {
        List<KumoiVM> vms = [.. FindVMs(VM, VMHost)];
        foreach (var outcome in Enumerate(token => FanOut.RunAsync(
            vms, Fleet.Limits.MaxCalls, FleetReads.ReadScreenAsync, Fleet.PassingOf<KumoiVM>(static vm => vm.Connection), token)))
        {
            if (outcome.Succeeded)
            {
                WriteObject(outcome.Result);
            }
            else
            {
                WriteFailure(outcome.Error!, outcome.Element);
            }
        }
    }
}
