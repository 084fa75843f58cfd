namespace Kumoi.PowerShell.Substitution;

/// <summary>One reason why nothing may be substituted.</summary>
internal abstract class SubstitutionRule<TCase>
{
    /// <summary>The reason, as Get-KumoiLineage and -Verbose give it; null: it does not hold here.</summary>
    public abstract string? WhyNot(TCase its);
}
