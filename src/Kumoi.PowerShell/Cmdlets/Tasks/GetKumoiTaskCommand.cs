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
        var tasks = (Id is null ? Tasks() : Find(Id)).ToList();
        var wanted = new List<KumoiTask>();
        foreach (var name in Name)
        {
            var pattern = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
            var named = tasks.FindAll(task => pattern.IsMatch(task.Name));
            wanted.AddRange(named.Where(task => !wanted.Contains(task)));
            if (named.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
            {
                WriteError(Errors.NotFound(
                    $"There is no task of '{name}' in this session.", name,
                    "A task is the work of a cmdlet that was called with -AsJob; Get-KumoiTask shows all that there are."));
            }
        }

        WriteObject(
            wanted.OrderBy(static task => task.Id).Where(task => State?.Contains(task.State) ?? true), enumerateCollection: true);
    }
}
