using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Pumping;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Reads VMs: one call for each host, all hosts at once.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiVM")]
[OutputType(typeof(KumoiVM))]
public sealed class GetKumoiVMCommand : SourceCmdlet
{
    private readonly HashSet<string> _found = new(StringComparer.OrdinalIgnoreCase);

    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Only VMs of these hosts.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Only VMs in one of these states.</summary>
    [Parameter]
    public PowerState[] State { get; set; } = [];

    /// <summary>Also reads each VM's own definition into its Xml property: one more call for each.</summary>
    [Parameter]
    public SwitchParameter Raw { get; set; }

    protected override void ProcessRecord()
    {
        var matches = Names.Matcher(Name);
        var hosts = FindHosts(VMHost);
        Emit(Read(), async (written, token) =>
        {
            var all = new List<KumoiVM>();
            await foreach (var outcome in Fleet.ReadVMsAsync(hosts, IsWanted, includeXml: false, token, ThrottleLimit))
            {
                if (outcome.Succeeded)
                {
                    all.AddRange(outcome.Result);
                }
            }

            var known = written.Cast<KumoiVM>().Select(vm => (vm.VMHost, vm.Id)).ToHashSet();
            return [.. all.Where(vm => !known.Contains((vm.VMHost, vm.Id)))];
        });

        bool IsWanted(KumoiVM vm) => matches(vm.Name) && (State.Length == 0 || State.Contains(vm.State));

        IEnumerable<KumoiVM> Read()
        {
            foreach (var vm in ReadVMs(hosts, vm => matches(vm.Name), Raw, ThrottleLimit))
            {
                if (Name.Length > 0)
                {
                    _found.Add(vm.Name);
                }

                if (IsWanted(vm))
                {
                    yield return vm;
                }
            }
        }
    }

    /// <summary>A name is missing if no host of the whole input had it.</summary>
    protected override void EndProcessing() => WriteMissing(Name.Where(name => !Names.HasWildcards(name) && !_found.Contains(name)));
}
