using System.Management.Automation;
using Kumoi.Exports;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;
using Kumoi.Workloads.Placing;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes VMs of folders that Export-KumoiVM has made, of OVAs, and of OVFs.</summary>
[Cmdlet(VerbsData.Import, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class ImportKumoiVMCommand : ActionCmdlet
{
    private int _lastId;

    /// <summary>The folder, the OVA or the OVF.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string LocalPath { get; set; } = "";

    /// <summary>The hosts, on each of which one is made; else the one with the most free memory that has room.</summary>
    [Parameter(Position = 1, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>The VM's name; else the one that it has there.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    /// <summary>The storage pool of its disks.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string StoragePool { get; set; } = "default";

    /// <summary>The networks of its cards: one for all, or one for each.</summary>
    [Parameter]
    [Alias("Network")]
    [ArgumentCompleter(typeof(NetworkNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] NetworkName { get; set; } = [];

    /// <summary>It has the id and the MAC addresses that it had: it is that VM again, and no other.</summary>
    [Parameter]
    public SwitchParameter KeepIdentity { get; set; }

    private protected override void Prepare()
    {
        base.Prepare();
        LocalPath = GetUnresolvedProviderPathFromPSPath(LocalPath);
    }

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        if (VMHost.Length == 0 && !MyInvocation.ExpectingInput)
        {
            if (FindPlace() is { } place)
            {
                yield return Request(place, given: null);
            }

            yield break;
        }

        foreach (var reference in VMHost)
        {
            foreach (var host in FindHosts([reference]))
            {
                yield return Request(host, reference.Host);
            }
        }
    }

    /// <summary>The host that there is most room on; null: it was said why there is none.</summary>
    private KumoiConnection? FindPlace()
    {
        ImportPackage package;
        try
        {
            package = ImportPackage.Open(LocalPath);
        }
        catch (HypervisorException e)
        {
            WriteFailure(e, LocalPath);
            return null;
        }

        List<KumoiHost> hosts = [];
        foreach (var outcome in Enumerate(token => Fleet.ReadHostsAsync(Fleet.Hosts, token, ThrottleLimit)))
        {
            if (outcome.Succeeded)
            {
                hosts.Add(outcome.Result);
            }
            else
            {
                WriteUnreadable(outcome.Element, outcome.Error!);
            }
        }

        if (Placement.ForNewVM(hosts, package.MemoryBytes, package.CpuCount) is { } best)
        {
            return best.Connection;
        }

        WriteError(Errors.NotFound(
            $"No host has room for {package.MemoryBytes >> 20} MiB of memory and {package.CpuCount} CPUs.", LocalPath,
            Fleet.Hosts.Count == 0 ? "Connect first with Connect-KumoiHost." : "Make room, or give a host all the same: -VMHost."));
        return null;
    }

    private ActionRequest.OnWorker Request(KumoiConnection host, KumoiHost? given)
    {
        var options = new ImportOptions
        {
            Name = Name,
            StoragePool = StoragePool,
            Networks = NetworkName,
            KeepIdentity = KeepIdentity,
        };
        return new ActionRequest.OnWorker
        {
            Target = given ?? (object)host.Name,
            ShouldProcessTarget = host.Name,
            Verb = $"Import '{LocalPath}'{(Name is null ? "" : $" as '{Name}'")}",
            Origin = LineageSource.OriginOf(given),
            Work = async (progress, token) =>
            {
                var import = new VMImport(Fleet, host, ImportPackage.Open(LocalPath), options, TimeProvider.System);
                using var bars = new CopyProgressBars(
                    progress, () => Interlocked.Increment(ref _lastId), disk => $"Copying '{disk}' to {host.Name}");
                var vm = await import.RunAsync(bars.For, token);
                KumoiSession.NoteMade(vm.Id);
                return new ActionResult([vm], import.UndoAsync);
            },
        };
    }
}
