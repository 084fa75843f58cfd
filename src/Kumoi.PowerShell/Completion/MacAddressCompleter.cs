using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Fleets;

namespace Kumoi.PowerShell.Completion;

/// <summary>MAC addresses of the network adapters of the VMs that the command has already.</summary>
public sealed class MacAddressCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.OfVMs(
            fakeBoundParameters["VM"], wordToComplete,
            static async (vm, token) => (await VMAdapters.ReadAsync(vm, token)).Select(
                static adapter => (adapter.MacAddress, $"{adapter.Model} of {adapter.VM}: {adapter.Source ?? adapter.Kind.ToString()}")));
}
