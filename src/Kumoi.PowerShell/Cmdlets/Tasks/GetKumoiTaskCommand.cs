using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Jobs;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>The work that cmdlets do with -AsJob in this session.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiTask")]
[OutputType(typeof(KumoiTask))]
public sealed class GetKumoiTaskCommand : TaskCmdlet
{
    /// <summary>The cmdlets whose work is meant; else all.</summary>
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(TaskNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = ["*"];

    /// <summary>Their numbers.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(TaskIdCompleter))]
    public int[]? Id { get; set; }

    /// <summary>In which state.</summary>
    [Parameter]
    public JobState[]? State { get; set; }

    protected override void ProcessRecord()
    {
        var patterns = Name.Select(static name => WildcardPattern.Get(name, WildcardOptions.IgnoreCase)).ToList();
        WriteObject(
            (Id is null ? Tasks() : Find(Id)).Where(task => patterns.Exists(pattern => pattern.IsMatch(task.Name)))
                .Where(task => State?.Contains(task.State) ?? true),
            enumerateCollection: true);
    }
}
