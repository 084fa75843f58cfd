using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>The VMs that are protected, by whom, and what it costs.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiFtPair")]
[OutputType(typeof(KumoiFtPair))]
public sealed class GetKumoiFtPairCommand : KumoiCmdlet
{
    private FtPairFinder _finder = null!;

    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(FtPairCompleter))]
    public string[] VM { get; set; } = [];

    /// <summary>Writes them again and again, until Ctrl+C or until a pipeline has enough.</summary>
    [Parameter]
    public SwitchParameter Continuous { get; set; }

    /// <summary>With -Continuous: the time between two readings.</summary>
    [Parameter]
    [ValidateRange(50, 3600000)]
    public int IntervalMs { get; set; } = 1000;

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _finder = new FtPairFinder(this);
    }

    protected override void ProcessRecord()
    {
        try
        {
            do
            {
                WriteObject(_finder.Find(Await(KumoiSession.Pairs.ListWithStrangersAsync(StopToken)), VM), enumerateCollection: true);
                if (Continuous)
                {
                    Await(Task.Delay(IntervalMs, StopToken));
                }
            }
            while (Continuous);
        }
        catch (Exception e) when (e is AgentException or JournalException)
        {
            WriteFailure(e, null);
        }
    }
}
