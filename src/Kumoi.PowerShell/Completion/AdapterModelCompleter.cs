using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace Kumoi.PowerShell.Completion;

/// <summary>The models of network adapters that QEMU has for PCs; others can be typed.</summary>
public sealed class AdapterModelCompleter : IArgumentCompleter
{
    private static readonly (string Name, string ToolTip)[] Models =
    [
        ("virtio", "the fastest, where the guest has its driver"), ("e1000e", "Intel 82574, for PCI Express"), ("e1000", "Intel 82540EM"),
        ("rtl8139", "Realtek, for old guests"), ("vmxnet3", "VMware's"),
    ];

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(Models, wordToComplete);
}
