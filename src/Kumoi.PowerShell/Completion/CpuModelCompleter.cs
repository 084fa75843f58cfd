using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.PowerShell.Completion;

/// <summary>The CPUs that the connected hosts can give VMs.</summary>
public sealed class CpuModelCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.OfHosts<string>(
            wordToComplete,
            static async (host, token) =>
            {
                var offer = await host.Link.SendAsync(new ReadDomainCapabilities(MachineType: null), token);
                return [.. offer.CpuModes.Where(static mode => mode is not "custom"), .. offer.CpuModels];
            },
            static model =>
                (model, model is "host-model" or "host-passthrough" or "maximum" ? "as the host's" : "a model that the host has"));
}
