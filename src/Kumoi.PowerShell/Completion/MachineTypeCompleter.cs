using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Completion;

/// <summary>The machines that QEMU has for PCs; others can be typed.</summary>
public sealed class MachineTypeCompleter : IArgumentCompleter
{
    private static readonly (string Name, string ToolTip)[] Machines =
        [("q35", "a PC with PCI Express"), ("pc", "an older PC, for older guests")];

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(Machines, wordToComplete);
}
