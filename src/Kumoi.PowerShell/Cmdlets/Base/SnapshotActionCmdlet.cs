using System.Management.Automation;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that does something with snapshots, which come as objects, or by VM and name.</summary>
public abstract class SnapshotActionCmdlet : ActionCmdlet
{
    private protected const string BySnapshot = "Snapshot";
    private protected const string ByName = "Name";

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ByName)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>The snapshot's name.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = ByName)]
    [Alias("SnapshotName")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(SnapshotNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ParameterSetName = ByName)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = BySnapshot)]
    [ValidateNotNullOrEmpty]
    public KumoiSnapshot[] Snapshot { get; set; } = [];

    private protected sealed override bool MeansAnyElement => false;

    private protected abstract string Verb { get; }

    /// <summary>Called on the pipeline thread: what is to be done with the parameters as they are now.</summary>
    private protected abstract Func<KumoiSnapshot, ActionProgress, CancellationToken, Task<ActionResult>> Bind();

    private protected sealed override IEnumerable<ActionRequest> CreateRequests()
    {
        var act = Bind();
        var snapshots = ParameterSetName == BySnapshot ? Snapshot : SnapshotFinder.Find(
            this, [.. FindVMs(VM, VMHost)], Names.Typed(Name), WriteMissing);
        foreach (var snapshot in snapshots.ToList())
        {
            yield return new ActionRequest.OnWorker
            {
                Target = snapshot,
                ShouldProcessTarget = $"'{snapshot.Name}' of {snapshot.VM} on {snapshot.VMHost}",
                Verb = Verb,
                Work = (progress, token) => act(snapshot, progress, token),
            };
        }
    }

    private void WriteMissing(KumoiVM vm, NameText name) => WriteError(Errors.NotFound(
        $"'{vm.Name}' on {vm.VMHost} has no snapshot named '{name.Text}'.", name.Text,
        $"Get-KumoiSnapshot '{vm.Name}' lists its snapshots."));
}
