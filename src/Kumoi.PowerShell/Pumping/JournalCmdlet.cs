using System.Management.Automation;
using Kumoi.Journal;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Pumping;

/// <summary>A cmdlet that reads the journal. It names hosts and VMs of any session, also such as are no longer there.</summary>
public abstract class JournalCmdlet : KumoiCmdlet
{
    private readonly List<VMReference> _vms = [];

    /// <summary>Only what concerns these hosts.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Only what concerns these VMs.</summary>
    [Parameter(ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    protected sealed override void ProcessRecord() => _vms.AddRange(VM);

    protected sealed override void EndProcessing()
    {
        if (MyInvocation.ExpectingInput && _vms.Count == 0)
        {
            // What came by the pipeline was nothing: that is not everything.
            return;
        }

        try
        {
            if (KumoiSession.HasFleet && Fleet.Journal is { } own)
            {
                Await(own.SettleAsync());
            }

            Read(KumoiSession.Journal);
        }
        catch (JournalException e)
        {
            ThrowTerminatingError(Errors.ToRecord(e, null));
        }
    }

    private protected abstract void Read(IJournal journal);

    /// <summary>Whether the host with this name is one of those that were asked for.</summary>
    private protected Func<string, bool> HostMatcher() => Names.Matcher([.. VMHost.Select(host => host.Value is string name ? name : WildcardPattern.Escape(host.ToString()))]);

    /// <summary>Whether the VM with this name or this id is one of those that were asked for.</summary>
    private protected Func<string?, Guid?, bool> VMMatcher()
    {
        if (_vms.Count == 0)
        {
            return static (_, _) => true;
        }

        var names = _vms.Where(vm => vm.VM is null).Select(vm => (string)vm.Value).ToList();
        Func<string, bool> matches = names.Count > 0 ? Names.Matcher(names) : static _ => false;
        var ids = _vms.Where(vm => vm.VM is not null).Select(vm => vm.VM!.Id).ToHashSet();
        var own = _vms.Where(vm => vm.VM is not null).Select(vm => vm.VM!.Name).ToHashSet(StringComparer.Ordinal);
        return (name, id) => id is { } known && ids.Contains(known)
            || id is null && name is not null && own.Contains(name)
            || name is not null && matches(name)
            || id is { } other && matches(other.ToString("D"));
    }
}
