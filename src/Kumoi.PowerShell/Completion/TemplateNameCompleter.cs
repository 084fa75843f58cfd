using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the templates of the connected hosts.</summary>
public sealed class TemplateNameCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.OfHosts(
            wordToComplete, VMActions.ReadTemplatesAsync,
            static template => (template.Name, $"{template.CpuCount} CPU on {template.VMHost}"));
}
