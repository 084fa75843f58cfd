using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the snapshots of VMs, as a tree.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiSnapshot")]
[OutputType(typeof(KumoiSnapshot))]
public sealed class GetKumoiSnapshotCommand : FleetCmdlet
{
    private readonly HashSet<string> _found = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<KumoiVM> _vms = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>Only snapshots of these names.</summary>
    [Parameter(Position = 1)]
    [Alias("SnapshotName")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(SnapshotNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    protected override void ProcessRecord()
    {
        List<KumoiVM> vms = [.. FindVMs(VM, VMHost)];
        _vms.AddRange(vms);
        foreach (var snapshot in SnapshotFinder.Find(this, vms, Names.Typed(Name), static (_, _) => { }))
        {
            _found.Add(snapshot.Name);
            WriteObject(snapshot);
        }
    }

    /// <summary>A name is missing if none of the VMs has a snapshot of it.</summary>
    protected override void EndProcessing()
    {
        foreach (var name in Names.Typed(Name).Where(name => _vms.Count > 0 && !name.IsPattern && !_found.Contains(name.Text)))
        {
            WriteError(Errors.NotFound(
                $"No snapshot named '{name.Text}' was found of {string.Join(", ", _vms.Take(5))}{(_vms.Count > 5 ? ", …" : "")}.",
                name.Text,
                "Get-KumoiSnapshot without -Name lists the snapshots of a VM."));
        }
    }
}
