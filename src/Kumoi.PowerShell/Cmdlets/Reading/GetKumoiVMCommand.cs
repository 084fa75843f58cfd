using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Reads VMs: one call for each host, all hosts at once.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiVM")]
[OutputType(typeof(KumoiVM))]
public sealed class GetKumoiVMCommand : SourceCmdlet
{
    private readonly List<KumoiConnection> _hosts = [];
    private bool _areAllRead = true;

    /// <summary>Those that -Name stands for; null: not known yet, or all.</summary>
    private HashSet<string>? _names;

    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>Only VMs of these hosts.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Only VMs in one of these states.</summary>
    [Parameter]
    public PowerState[] State { get; set; } = [];

    /// <summary>Also reads each VM's own definition into its Xml property: one more call for each.</summary>
    [Parameter]
    public SwitchParameter Raw { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();

        // The author's own arrays could be filled with something else before a candidate is asked for it.
        Name = [.. Name];
        State = [.. State];
    }

    protected override void ProcessRecord()
    {
        var hosts = FindHosts(VMHost, out var areAllThere);
        _areAllRead &= areAllThere;
        if (Name.Length == 0)
        {
            EmitAll(hosts);
        }
        else
        {
            // Which VMs a name means depends on which others there are, on whatever host.
            _hosts.AddRange(hosts);
        }
    }

    protected override void EndProcessing()
    {
        if (Name.Length > 0)
        {
            EmitNamed();
        }

        base.EndProcessing();
    }

    private void EmitAll(IReadOnlyList<KumoiConnection> hosts)
    {
        var began = DateTimeOffset.UtcNow;
        var hostsDone = 0;
        IReadOnlyList<KumoiVM> current = [];
        var currentDone = 0;
        Emit(Read(), async (written, token) =>
        {
            // The rest of the host at hand was read already. What this session has made or moved since then was not there to be chosen.
            var known = written.Cast<KumoiVM>().Select(vm => vm.Id).ToHashSet();
            var rest = current.Skip(currentDone).ToList();
            await foreach (var outcome in Fleet.ReadVMsAsync([.. hosts.Skip(hostsDone)], Wanted, Raw, token, ThrottleLimit))
            {
                if (outcome.Succeeded)
                {
                    rest.AddRange(outcome.Result.Where(vm => known.Add(vm.Id) && !KumoiSession.WasMadeSince(vm.Id, began)));
                }
                else
                {
                    NoteUnreadable(outcome.Element, outcome.Error!);
                }
            }

            return rest;
        });

        IEnumerable<KumoiVM> Read()
        {
            foreach (var outcome in Enumerate(token => Fleet.ReadVMsAsync(hosts, static _ => true, Raw, token, ThrottleLimit)))
            {
                hostsDone++;
                if (!outcome.Succeeded)
                {
                    WriteUnreadable(outcome.Element, outcome.Error!);
                    continue;
                }

                current = State.Length == 0 ? outcome.Result : [.. outcome.Result.Where(Wanted)];
                for (currentDone = 0; currentDone < current.Count;)
                {
                    yield return current[currentDone++];
                }
            }
        }
    }

    private void EmitNamed()
    {
        var read = new List<KumoiVM>();
        foreach (var outcome in Enumerate(token => Fleet.ReadVMsAsync(_hosts, static _ => true, includeXml: false, token, ThrottleLimit)))
        {
            if (outcome.Succeeded)
            {
                read.AddRange(outcome.Result);
            }
            else
            {
                _areAllRead = false;
                WriteUnreadable(outcome.Element, outcome.Error!);
            }
        }

        var names = Names.Typed(Name);
        var chosen = Names.Choose(read, vm => vm.Name, names);
        _names = chosen.Select(vm => vm.Name).ToHashSet(StringComparer.Ordinal);
        var wanted = chosen.Where(Wanted).ToList();
        var written = 0;
        Emit(WithXml(), (_, _) => Task.FromResult<IReadOnlyList<KumoiVM>>([.. wanted.Skip(written)]));

        // A name is missing if no host of the whole input has it, and each could be asked.
        var index = new NameIndex<KumoiVM>(chosen, vm => vm.Name);
        foreach (var name in names.Where(name => _areAllRead && !name.IsPattern && NameIndex<KumoiVM>.Find(name, [index]).Found.Count == 0))
        {
            WriteMissing(name.Text, isWholeFleet: VMHost.Length == 0);
        }

        IEnumerable<KumoiVM> WithXml()
        {
            if (!Raw)
            {
                while (written < wanted.Count)
                {
                    yield return wanted[written++];
                }

                yield break;
            }

            foreach (var outcome in Enumerate(token => Fleet.ReadXmlAsync(wanted, token)))
            {
                written++;
                if (!outcome.Succeeded)
                {
                    WriteUnreadable(outcome.Element.Connection, outcome.Error!);
                }
                else if (outcome.Result is { } vm)
                {
                    yield return vm;
                }
            }
        }
    }

    private protected override bool IsWanted(object element) => Wanted((KumoiVM)element);

    private bool Wanted(KumoiVM vm) => (State.Length == 0 || State.Contains(vm.State)) && _names?.Contains(vm.Name) != false;
}
