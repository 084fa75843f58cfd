using System.Globalization;
using System.Management.Automation;
using System.Security.Cryptography;
using System.Text;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// A name for what a script block does: another one as soon as its text, the value of a variable that it reads, or the body of a function
/// that it calls is another.
/// </summary>
internal static class ScriptName
{
    /// <summary>The name; null, and which variable has no plain value, where nothing can tell one from another.</summary>
    public static string? TryOf(ScriptBlock block, SessionState session, out string? unknown)
    {
        var reads = new ScriptReads(block.Module?.SessionState ?? session);
        reads.Add(block.Ast);
        var text = new StringBuilder(block.ToString().Trim());
        unknown = null;
        foreach (var path in reads.Variables.Order(StringComparer.OrdinalIgnoreCase))
        {
            var value = path.StartsWith("env:", StringComparison.OrdinalIgnoreCase)
                ? Environment.GetEnvironmentVariable(path["env:".Length..])
                : RecordedReads.Find(reads.Session, path)?.Value;
            if (!PlainValue.TryCopy(value, out var copy))
            {
                unknown = path;
                return null;
            }

            if (copy is not null)
            {
                text.Append(CultureInfo.InvariantCulture, $"\n${path}={PlainValue.Describe(copy)}");
            }
        }

        foreach (var name in reads.Commands.Order(StringComparer.OrdinalIgnoreCase))
        {
            if (CommandResolution.Resolve(reads.Session.InvokeCommand, name) is FunctionInfo { Module: null } function)
            {
                text.Append(CultureInfo.InvariantCulture, $"\n{name}={function.ScriptBlock}");
            }
        }

        return "script-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..8];
    }
}
