using System.Management.Automation;

namespace Kumoi.PowerShell.Session;

/// <summary>
/// What cmdlets do where their parameters do not say. The variable <c>$KumoiPreference</c> holds the session's; a function may set its own,
/// as with PowerShell's preference variables.
/// </summary>
public sealed class KumoiPreference
{
    public const string VariableName = "KumoiPreference";

    /// <summary>The session's, shared by all runspaces.</summary>
    public static KumoiPreference Session { get; } = new();

    public SubstitutionPreference Substitution { get; set; }

    /// <summary>As if -FailureOblivious were given to every cmdlet that has it.</summary>
    public bool FailureOblivious { get; set; }

    /// <summary>
    /// The one in the caller's scope, also where it is a hashtable; the session's where there is none that can be understood.
    /// </summary>
    internal static KumoiPreference Of(PSCmdlet cmdlet) =>
        LanguagePrimitives.TryConvertTo<KumoiPreference>(cmdlet.SessionState.PSVariable.GetValue(VariableName),
            out var own) && own is not null ? own : Session;
}
