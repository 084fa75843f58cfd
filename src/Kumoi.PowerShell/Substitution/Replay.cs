using System.Collections.Concurrent;
using System.ComponentModel;
using System.Globalization;
using System.Management.Automation;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// What the text of a replayed pipeline calls. Static calls, so that neither a parameter nor a variable of ours stands in the author's
/// scope: <c>$PSBoundParameters</c>, <c>$args</c> and all names stay the author's.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Replay
{
    private static readonly ConcurrentDictionary<string, ReplaySession> Sessions = new(StringComparer.Ordinal);

    private static readonly ConcurrentDictionary<string, (ScriptBlock Block, PSObject Element)> Calls = new(StringComparer.Ordinal);

    /// <summary>The objects that the replayed pipeline begins with.</summary>
    public static object?[] Feed(string token) => [.. Sessions[token].Feed];

    /// <summary>What the cmdlet at a position was given when it was first run.</summary>
    public static object? Argument(string token, int position, string name) => Sessions[token].Run.Arguments[position][name];

    /// <summary>A variable of the author that a new scope would hide.</summary>
    public static object? Variable(string token, string name) => Sessions[token].Variable(name);

    /// <summary>The element of a script block's call.</summary>
    public static object CallElement(string token) => Calls[token].Element;

    /// <summary>The script block of a call.</summary>
    public static ScriptBlock CallBlock(string token) => Calls[token].Block;

    internal static void AddCall(string token, ScriptBlock block, PSObject element) => Calls[token] = (block, element);

    internal static void RemoveCall(string token) => Calls.TryRemove(token, out _);

    /// <summary>
    /// The session behind a cmdlet's hidden parameter, <c>token:position</c>, and the cmdlet's position in the original pipeline.
    /// </summary>
    internal static (ReplaySession Session, int Position)? Find(string parameter)
    {
        var colon = parameter.IndexOf(':', StringComparison.Ordinal);
        return colon > 0
            && Sessions.TryGetValue(parameter[..colon], out var session)
            && int.TryParse(parameter.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var position)
                ? (session, position)
                : null;
    }

    internal static void Add(ReplaySession session) => Sessions[session.Token] = session;

    internal static void Remove(ReplaySession session) => Sessions.TryRemove(session.Token, out _);
}
