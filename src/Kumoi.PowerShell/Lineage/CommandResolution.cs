using System.Management.Automation;

namespace Kumoi.PowerShell.Lineage;

/// <summary>What a command's name means here and now: aliases are followed, nothing is imported or run.</summary>
internal static class CommandResolution
{
    public static CommandInfo? Resolve(CommandInvocationIntrinsics commands, string name)
    {
        var found = commands.GetCommand(name, CommandTypes.Alias | CommandTypes.Function | CommandTypes.Cmdlet | CommandTypes.Filter);
        return found is AliasInfo alias ? alias.ResolvedCommand : found;
    }
}
