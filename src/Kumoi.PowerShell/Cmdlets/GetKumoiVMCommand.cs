using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Pumping;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Reads VMs: one call for each host, all hosts at once.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiVM")]
[OutputType(typeof(KumoiVM))]
public sealed class GetKumoiVMCommand : SourceCmdlet
{
    private readonly HashSet<string> _found = new(StringComparer.OrdinalIgnoreCase);
    private Func<string, bool>? _nameMatches;

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
        // The author's own arrays could be filled with something else before a candidate is asked for it.
        Name = [.. Name];
        State = [.. State];
        base.BeginProcessing();
    }

    protected override void ProcessRecord()
    {
        var hosts = FindHosts(VMHost);
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
            foreach (var outcome in Enumerate(token => Fleet.ReadVMsAsync(hosts, NameMatches, Raw, token, ThrottleLimit)))
            {
                hostsDone++;
                if (!outcome.Succeeded)
                {
                    WriteUnreadable(outcome.Element, outcome.Error!);
                    continue;
                }

                if (Name.Length > 0)
                {
                    _found.UnionWith(outcome.Result.Select(vm => vm.Name));
                }

                current = State.Length == 0 ? outcome.Result : [.. outcome.Result.Where(Wanted)];
                for (currentDone = 0; currentDone < current.Count;)
                {
                    yield return current[currentDone++];
                }
            }
        }
    }

    /// <summary>A name is missing if no host of the whole input had it.</summary>
    protected override void EndProcessing()
    {
        WriteMissing(Name.Where(name => !Names.HasWildcards(name) && !_found.Contains(name)));
        base.EndProcessing();
    }

    private protected override bool IsWanted(object element) => Wanted((KumoiVM)element);

    private bool Wanted(KumoiVM vm) => (State.Length == 0 || State.Contains(vm.State)) && NameMatches(vm);

    private bool NameMatches(KumoiVM vm) => (_nameMatches ??= Names.Matcher(Name))(vm.Name);
}
