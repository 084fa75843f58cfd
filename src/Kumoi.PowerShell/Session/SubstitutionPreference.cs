namespace Kumoi.PowerShell.Session;

/// <summary>Whether failed elements are replaced.</summary>
public enum SubstitutionPreference
{
    /// <summary>Wherever the pipeline left a reserve.</summary>
    Auto = 0,

    /// <summary>Never, as if -NoSubstitution were given everywhere.</summary>
    None,
}
