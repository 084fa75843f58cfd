using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Parameters;

/// <summary>What was typed with a command, as opposed to what comes to it by the pipeline.</summary>
internal static class TypedNames
{
    /// <summary>To be called when the cmdlet begins, before any object was bound.</summary>
    public static void Note(PSCmdlet cmdlet)
    {
        foreach (var (name, value) in cmdlet.MyInvocation.BoundParameters)
        {
            switch (value)
            {
                case INameReference one:
                    one.IsTyped = true;
                    break;
                case INameReference[] many:
                    Array.ForEach(many, reference => reference.IsTyped = true);
                    Restore(cmdlet, name, many.Length, i => many[i].Text, (i, text) => many[i].Text = text);
                    break;
                case string[] texts:
                    Restore(cmdlet, name, texts.Length, i => texts[i], (i, text) => texts[i] = text);
                    break;
            }
        }
    }

    /// <summary>Of a list of numbers PowerShell keeps no texts: they are in the statement. 007,008 are the names that were typed.</summary>
    private static void Restore(PSCmdlet cmdlet, string parameter, int count, Func<int, string?> get, Action<int, string> set)
    {
        var isNumbered = false;
        for (var i = 0; i < count && !isNumbered; i++)
        {
            isNumbered = IsNumber(get(i));
        }

        if (!isNumbered || PipelineLocation.Of(cmdlet) is not { } location)
        {
            return;
        }

        var written = CommandArguments.Of((CmdletInfo)cmdlet.MyInvocation.MyCommand, location.Command).Values
            .Where(argument => argument.Name is null || string.Equals(argument.Name, parameter, StringComparison.OrdinalIgnoreCase))
            .Select(argument => argument.Value is ArrayLiteralAst list ? list.Elements : [])
            .FirstOrDefault(elements => elements.Count == count
                && elements.Index().All(
                    element => element.Item is not ConstantExpressionAst { Value: var value } || Text(value) == get(element.Index)));
        foreach (var (i, element) in written?.Index() ?? [])
        {
            if (element is ConstantExpressionAst { Value: not string })
            {
                set(i, element.Extent.Text);
            }
        }
    }

    private static bool IsNumber(string? text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    private static string? Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture);
}
