using System.Management.Automation;
using Kumoi.Journal;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets.Base;

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

    /// <summary>
    /// Whether the host with this name is one of those that were asked for. Of what comes one by one, and has no end, that is everything
    /// that is like them; of what is all there, see <see cref="Best"/>.
    /// </summary>
    private protected Func<string, bool> HostMatcher() => Names.Matcher([.. VMHost.Select(host => host.Name)]);

    /// <summary>Whether the VM with this name or this id is one of those that were asked for, or like one.</summary>
    private protected Func<string?, Guid?, bool> VMMatcher()
    {
        if (_vms.Count == 0)
        {
            return static (_, _) => true;
        }

        var names = _vms.Where(vm => vm.VM is null).Select(vm => vm.Name).ToList();
        Func<string, bool> matches = names.Count > 0 ? Names.Matcher(names) : static _ => false;
        var ids = _vms.Where(vm => vm.VM is not null).Select(vm => vm.VM!.Id).ToHashSet();
        var own = _vms.Where(vm => vm.VM is not null).Select(vm => vm.VM!.Name).ToHashSet(StringComparer.Ordinal);
        return (name, id) => id is { } known && ids.Contains(known)
            || id is null && name is not null && own.Contains(name)
            || name is not null && matches(name)
            || id is { } other && matches(other.ToString("D"));
    }

    /// <summary>
    /// Of records that are all there, those that are best what was asked for: who asks for <c>web[1]</c>, or for <c>web</c>, does not mean
    /// web1 and WEB, unless there is nothing else.
    /// </summary>
    private protected IEnumerable<T> Best<T>(
        IEnumerable<T> records, Func<T, IEnumerable<string?>> hostsOf, Func<T, string?> vmOf, Func<T, Guid?> vmIdOf)
    {
        var vms = _vms.Where(vm => vm.VM is null).Select(vm => vm.Name).ToList();
        var hosts = VMHost.Where(host => host.Value is string).Select(host => host.Name).ToList();
        if (vms.Count == 0 && hosts.Count == 0)
        {
            return records;
        }

        List<T> all = [.. records];
        var isHost = BestOf(hosts, all.SelectMany(hostsOf));
        var isVM = BestOf(vms, all.Select(vmOf));
        var own = VMHost.Where(host => host.Value is not string).Select(host => host.ToString()).ToHashSet(StringComparer.Ordinal);
        var given = _vms.Where(vm => vm.VM is not null).ToList();
        return all.Where(record =>
            (hosts.Count == 0 || hostsOf(record).Any(host => host is not null && (own.Contains(host) || isHost(host))))
            && (vms.Count == 0 || vmOf(record) is not { } vm || isVM(vm)
                || given.Exists(one => one.VM!.Id == vmIdOf(record) || one.VM.Name == vm)
                || (vmIdOf(record) is { } id && vms.Exists(name => name.Rank(id.ToString("D")) is not NameRank.None))));
    }

    /// <summary>Whether a name is as good a match of one of those given as there is among all.</summary>
    private static Func<string, bool> BestOf(IReadOnlyList<NameText> given, IEnumerable<string?> all)
    {
        var names = all.OfType<string>().ToHashSet(StringComparer.Ordinal);
        return given.SelectMany(one => NameIndex<string>.Find(one, [new([.. names], name => name)]).Found).ToHashSet(StringComparer.Ordinal)
            .Contains;
    }
}
