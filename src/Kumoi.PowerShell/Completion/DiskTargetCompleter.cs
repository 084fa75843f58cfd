using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the disks of the VMs that the command has already.</summary>
public sealed class DiskTargetCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.OfVMs(
            fakeBoundParameters["VM"], wordToComplete,
            static async (vm, token) => (await VMDisks.ReadAsync(vm, token)).Select(
                static disk => (disk.Target, $"{disk.Device} of {disk.VM}: {disk.Source ?? "empty"}")));
}
