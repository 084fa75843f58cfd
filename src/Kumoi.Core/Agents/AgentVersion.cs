using System.Reflection;

namespace Kumoi.Agents;

/// <summary>
/// Session and agent speak by the types of this assembly: they understand each other for certain if it is the same for both.
/// </summary>
public static class AgentVersion
{
    /// <summary>The module's version, and what tells this build from others of that version.</summary>
    public static string Own { get; } = Of(typeof(AgentVersion).Assembly);

    private static string Of(Assembly assembly) =>
        $"{assembly.GetName().Version?.ToString(3)}+{assembly.ManifestModule.ModuleVersionId.ToString("N")[..8]}";
}
