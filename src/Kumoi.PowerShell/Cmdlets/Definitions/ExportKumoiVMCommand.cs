using System.Management.Automation;
using Kumoi.Exports;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Writes VMs that are off, with their disks, to folders of this computer.</summary>
[Cmdlet(VerbsData.Export, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(DirectoryInfo))]
public sealed class ExportKumoiVMCommand : ActionCmdlet
{
    private int _lastId;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>A folder that is there, in which each VM gets one of its name.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string LocalPath { get; set; } = "";

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    private protected override bool MeansAnyElement => false;

    private protected override void Prepare()
    {
        base.Prepare();
        LocalPath = GetUnresolvedProviderPathFromPSPath(LocalPath);
    }

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        foreach (var vm in FindVMs(VM, VMHost))
        {
            yield return new ActionRequest.OnWorker
            {
                Target = vm,
                ShouldProcessTarget = $"{vm.Name} on {vm.VMHost}",
                Verb = $"Export to '{LocalPath}'",
                Origin = LineageSource.OriginOf(vm),
                Work = async (progress, token) =>
                {
                    using var bars = new CopyProgressBars(
                        progress, () => Interlocked.Increment(ref _lastId), disk => $"Copying '{disk}' of {vm.Name}");
                    var folder = await VMExport.RunAsync(vm, LocalPath, bars.For, token);
                    return new ActionResult([new DirectoryInfo(folder)]);
                },
            };
        }
    }
}
