using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Writes events as they come: the journal's, from any process, and what the connected hosts tell of their VMs.</summary>
[Cmdlet(VerbsCommon.Watch, "KumoiEvent")]
[OutputType(typeof(KumoiEvent))]
public sealed class WatchKumoiEventCommand : JournalCmdlet
{
    [Parameter(Position = 0)]
    public KumoiEventKind[] Kind { get; set; } = [];

    private protected override void Read(IJournal journal)
    {
        var isOfHost = HostMatcher();
        var isOfVM = VMMatcher();
        // A gap is one of the events that were asked for, as far as anybody knows.
        var wantsHosts = Kind.Length == 0 || Kind.Contains(KumoiEventKind.VMLifecycle) || Kind.Contains(KumoiEventKind.Gap);
        var watch = new FleetWatch(Fleet, journal, TimeProvider.System, host => wantsHosts && isOfHost(host));
        foreach (var happened in Enumerate(watch.WatchAsync))
        {
            if (happened.Kind is KumoiEventKind.Gap
                ? Kind.Length == 0 || wantsHosts
                : (Kind.Length == 0 || Kind.Contains(happened.Kind))
                    && (VMHost.Length == 0 || (happened.VMHost is { } host && isOfHost(host)))
                    && isOfVM(happened.VM, null))
            {
                WriteObject(happened);
            }
        }
    }
}
