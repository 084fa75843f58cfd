using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;

namespace Kumoi.PowerShell.Completion;

/// <summary>Names of the snapshots of the VMs that the command has already.</summary>
public sealed class SnapshotNameCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.OfVMs(
            fakeBoundParameters["VM"], wordToComplete,
            static async (vm, token) => (await VMSnapshots.ReadAsync(vm, token)).Select(
                static snapshot => (snapshot.Name, $"of {snapshot.VM}, {snapshot.CreatedAt.LocalDateTime:g}")));
}
