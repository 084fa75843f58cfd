using System.Management.Automation;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;
using Kumoi.Speculation.Repair;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>
/// Looks for what needs an admin: VMs that run on two hosts, disks that two VMs write to, and what migrations and operations have left
/// behind. It changes nothing.
/// </summary>
[Cmdlet(VerbsCommon.Find, "KumoiConflict")]
[OutputType(typeof(KumoiConflict))]
public sealed class FindKumoiConflictCommand : FleetCmdlet
{
    private readonly List<KumoiConnection> _hosts = [];

    /// <summary>Only on these hosts, and between them.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Only conflicts of these kinds. What could not be read is told always.</summary>
    [Parameter]
    public ConflictKind[] Kind { get; set; } = [];

    /// <summary>How many hosts are read at a time.</summary>
    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = 128;

    protected override void ProcessRecord() =>
        _hosts.AddRange(VMHost.Length == 0 ? [] : FindHosts(VMHost).Where(host => !_hosts.Contains(host)));

    protected override void EndProcessing()
    {
        // What came by the pipeline, or was asked for, may be nothing: that is not everything.
        var isAll = !MyInvocation.ExpectingInput && VMHost.Length == 0;
        try
        {
            // Opening it would make one.
            var journal = File.Exists(KumoiSession.Journal.Location) ? KumoiSession.Journal : null;
            var search = new ConflictSearch(Fleet, journal, TimeProvider.System);
            var found = Await(search.FindAsync(isAll ? null : _hosts, ThrottleLimit, StopToken));
            WriteObject(found.Where(conflict => Kind.Length == 0 || conflict.Kind is ConflictKind.NotRead
                || Kind.Contains(conflict.Kind)), enumerateCollection: true);
            foreach (var (host, error) in search.Unread)
            {
                WriteFailure(error, host.Name);
            }
        }
        catch (JournalException e)
        {
            ThrowTerminatingError(Errors.ToRecord(e, null));
        }
    }
}
