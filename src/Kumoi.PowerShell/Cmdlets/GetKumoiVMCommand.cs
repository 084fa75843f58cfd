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
    private readonly HashSet<(string Host, Guid Id)> _written = [];

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
        var missing = Name.Where(name => !Names.HasWildcards(name)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var hosts = FindHosts(VMHost);
        Emit(Read(), async token =>
        {
            var all = new List<KumoiVM>();
            await foreach (var outcome in Fleet.ReadVMsAsync(hosts, IsWanted, includeXml: false, token))
            {
                if (outcome.Succeeded)
                {
                    all.AddRange(outcome.Result);
                }
            }

            return [.. all.Where(vm => !_written.Contains((vm.VMHost, vm.Id)))];
        });

        foreach (var name in missing)
        {
            WriteError(Errors.NotFound(
                $"No VM named '{name}' was found.", name,
                Fleet.Hosts.Count == 0 ? "Connect first with Connect-KumoiHost." : "Get-KumoiVM lists the VMs of all connected hosts."));
        }

        bool IsWanted(KumoiVM vm) => matches(vm.Name) && (State.Length == 0 || State.Contains(vm.State));

        IEnumerable<KumoiVM> Read()
        {
            foreach (var vm in ReadVMs(hosts, vm => matches(vm.Name), Raw))
            {
                missing.Remove(vm.Name);
                if (IsWanted(vm))
                {
                    _written.Add((vm.VMHost, vm.Id));
                    yield return vm;
                }
            }
        }
    }
}
