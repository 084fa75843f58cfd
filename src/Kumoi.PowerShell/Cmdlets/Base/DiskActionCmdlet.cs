using System.Management.Automation;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that does something with disks of VMs, which come as objects, or by VM and name.</summary>
public abstract class DiskActionCmdlet : ActionCmdlet
{
    private protected const string ByDisk = "Disk";
    private protected const string ByTarget = "Target";

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ByTarget)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>The disk's name in the VM, such as vdb.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = ByTarget)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DiskTargetCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Target { get; set; } = [];

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ParameterSetName = ByTarget)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ByDisk)]
    [ValidateNotNullOrEmpty]
    public KumoiDisk[] Disk { get; set; } = [];

    private protected sealed override bool MeansAnyElement => false;

    private protected abstract string Verb { get; }

    private protected abstract Task<ActionResult> ActAsync(KumoiDisk disk, CancellationToken cancellationToken);

    private protected sealed override IEnumerable<ActionRequest> CreateRequests()
    {
        var disks = ParameterSetName == ByDisk ? Disk : FindDisks([.. FindVMs(VM, VMHost)], Target);
        foreach (var disk in disks.ToList())
        {
            yield return new ActionRequest.OnWorker
            {
                Target = disk,
                ShouldProcessTarget = $"{disk.Target} ({disk.Source ?? "empty"}) of {disk.VM} on {disk.VMHost}",
                Verb = Verb,
                Work = (_, token) => ActAsync(disk, token),
            };
        }
    }
}
