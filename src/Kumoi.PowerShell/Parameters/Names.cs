using System.Management.Automation;

namespace Kumoi.PowerShell.Parameters;

/// <summary>Names with wildcards, as parameters take them.</summary>
internal static class Names
{
    /// <summary>Null or empty: everything matches.</summary>
    public static Func<string, bool> Matcher(IReadOnlyList<string>? patterns)
    {
        if (patterns is null || patterns.Count == 0)
        {
            return static _ => true;
        }

        var compiled = patterns.Select(pattern => WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase)).ToArray();
        return name => Array.Exists(compiled, pattern => pattern.IsMatch(name));
    }

    public static bool HasWildcards(string name) => WildcardPattern.ContainsWildcardCharacters(name);
}
