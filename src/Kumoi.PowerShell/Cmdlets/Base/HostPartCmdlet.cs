using System.Management.Automation;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that reads what hosts have of one kind, by name. Whether a name is missing is known at the end.</summary>
/// <typeparam name="T">What is read.</typeparam>
public abstract class HostPartCmdlet<T> : FleetCmdlet
    where T : class
{
    private readonly List<KumoiConnection> _hosts = [];

    /// <summary>Only of these hosts.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Those that were asked for; a name that none has is an error.</summary>
    private protected abstract IEnumerable<T> Read(IReadOnlyList<KumoiConnection> hosts);

    protected sealed override void ProcessRecord() => _hosts.AddRange(FindHosts(VMHost));

    protected sealed override void EndProcessing()
    {
        foreach (var part in Read(_hosts))
        {
            WriteObject(part);
        }
    }
}
