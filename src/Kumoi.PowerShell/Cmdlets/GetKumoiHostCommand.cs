using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Pumping;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Reads hosts, with their VMs: one call for each host, all at once.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiHost")]
[OutputType(typeof(KumoiHost))]
public sealed class GetKumoiHostCommand : SourceCmdlet
{
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Only hosts that have one of these labels.</summary>
    [Parameter]
    [SupportsWildcards]
    public string[] Tag { get; set; } = [];

    protected override void ProcessRecord()
    {
        var hosts = FindHosts(VMHost);
        var done = 0;
        Emit(Read(), async (_, token) =>
        {
            var rest = new List<KumoiHost>();
            await foreach (var outcome in Fleet.ReadHostsAsync([.. hosts.Skip(done)], token, ThrottleLimit))
            {
                if (outcome.Succeeded && HasTag(outcome.Result))
                {
                    rest.Add(outcome.Result);
                }
            }

            return rest;
        });

        IEnumerable<KumoiHost> Read()
        {
            foreach (var outcome in Enumerate(token => Fleet.ReadHostsAsync(hosts, token, ThrottleLimit)))
            {
                done++;
                if (!outcome.Succeeded)
                {
                    WriteFailure(outcome.Error!, outcome.Element.Name);
                }
                else if (HasTag(outcome.Result))
                {
                    yield return outcome.Result;
                }
            }
        }
    }

    private protected override bool IsWanted(object element) => HasTag((KumoiHost)element);

    private bool HasTag(KumoiHost host) => Tag.Length == 0 || host.Tags.Any(Names.Matcher(Tag));
}
