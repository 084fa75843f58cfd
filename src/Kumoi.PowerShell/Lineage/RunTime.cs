using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace Kumoi.PowerShell.Lineage;

/// <summary>
/// What else runs scripts of the author's when a step is run again, and stands in no syntax: members that were added to types and objects,
/// breakpoints with an action, hooks of the command look-up.
/// </summary>
internal static class RunTime
{
    /// <summary>Values of the types whose members a replayed step may use.</summary>
    private static readonly object[] Samples =
    [
        "", 0, 0L, 0.0, 0m, 'c', true, DateTime.UnixEpoch, DateTimeOffset.UnixEpoch, TimeSpan.Zero, Guid.Empty, new Version(1, 0),
        PowerState.Running,
        Array.Empty<object>(), new System.Collections.Hashtable(), new List<KumoiVM>(), Array.Empty<string>(), Array.Empty<KumoiVM>(),
    ];

    private static readonly string[] AlwaysUsed = ["ToString", "Equals", "CompareTo", "GetHashCode"];

    /// <summary>Why the steps that use these words cannot be run again on these elements; null if they can.</summary>
    public static string? Obstacle(PSCmdlet asker, IReadOnlyList<object> elements, IReadOnlySet<string> words)
    {
        // The engine's own, to which scripts attach; a cmdlet has one for itself.
        if (asker.SessionState.PSVariable.GetValue("ExecutionContext") is EngineIntrinsics { InvokeCommand: var commands }
            && (commands.PreCommandLookupAction is not null || commands.PostCommandLookupAction is not null
                || commands.CommandNotFoundAction is not null))
        {
            return "a script looks up the commands of this session";
        }

        if (HasActiveBreakpoint())
        {
            return "a breakpoint runs a script";
        }

        if (elements.Count > 0 && PSObject.AsPSObject(elements[0]).Members.Any(static member => !member.IsInstance && RunsScript(member)))
        {
            return "the elements have properties that run scripts";
        }

        foreach (var member in elements.SelectMany(InstanceMembers.Of))
        {
            if (RunsScript(member) || words.Contains(member.Name) || AlwaysUsed.Contains(member.Name, StringComparer.OrdinalIgnoreCase))
            {
                return $"an element was given a member '{member.Name}' of its own";
            }
        }

        var used = words.Concat(AlwaysUsed).Where(static word => word.Length > 0 && !WildcardPattern.ContainsWildcardCharacters(word))
            .ToList();
        foreach (var sample in Samples.Concat(elements.Take(1))
            .Concat(elements.OfType<KumoiHost>().Take(1).SelectMany(static host => host.VMs.Take(1))).Select(PSObject.AsPSObject))
        {
            if (used.Find(word => sample.Members[word] is { } member && (RunsScript(member) || IsAdded(member))) is { } word)
            {
                return $"'{word}' of a {sample.BaseObject.GetType().Name} is not its own";
            }
        }

        return null;
    }

    /// <summary>By Update-TypeData, which can be done at any time. Count is the engine's own.</summary>
    private static bool IsAdded(PSMemberInfo member) =>
        member is PSNoteProperty || (member is PSAliasProperty && !member.Name.Equals("Count", StringComparison.OrdinalIgnoreCase));

    private static bool RunsScript(PSMemberInfo member) => member is PSScriptProperty or PSScriptMethod or PSCodeProperty or PSCodeMethod;

    // Newer than the reference library.
    private static bool HasActiveBreakpoint()
    {
        var debugger = Runspace.DefaultRunspace?.Debugger;
        return debugger?.GetType().GetMethod("GetBreakpoints", Type.EmptyTypes)
            ?.Invoke(debugger, null) is IEnumerable<Breakpoint> breakpoints
            && breakpoints.Any(static breakpoint => breakpoint is { Enabled: true, Action: not null });
    }
}
