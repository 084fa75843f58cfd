using System.Management.Automation;
using Kumoi.PowerShell.Substitution;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// Runs a script block with <c>$_</c>, in the caller's scope as ForEach-Object does, and sorts its output from its errors.
/// </summary>
internal static class ScriptBlockRunner
{
    public static IReadOnlyList<PSObject> Run(PSCmdlet cmdlet, ScriptBlock block, PSObject element, out List<ErrorRecord> errors)
    {
        errors = [];
        var output = new List<PSObject>();
        using var call = new ScriptBlockCall(block, element);
        try
        {
            foreach (var item in cmdlet.InvokeCommand.InvokeScript(useLocalScope: false, call.Text, input: null, args: null))
            {
                switch (item?.BaseObject)
                {
                    case null:
                        break;
                    case ErrorRecord error:
                        errors.Add(error);
                        break;
                    default:
                        if (!StreamRecords.TryWriteAgain(cmdlet, item.BaseObject))
                        {
                            output.Add(item);
                        }

                        break;
                }
            }
        }
        catch (RuntimeException e) when (e is not PipelineStoppedException)
        {
            errors.Add(e.ErrorRecord);
        }

        return output;
    }

    /// <summary>
    /// The last thing that the block writes about an element (<c>$_</c>); its errors are exceptions only if they are terminating.
    /// </summary>
    public static object? Ask(ScriptBlock block, object element) =>
        block.InvokeWithContext(null, [new PSVariable("_", element)]) is [.., var last] ? last : null;
}
