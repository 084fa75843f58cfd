using Kumoi.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>Without the journal no other element can help.</summary>
internal sealed class JournalRule : SubstitutionRule<FailureCase>
{
    public override string? WhyNot(FailureCase its) =>
        FaultRules.IsOfJournal(its.Error) ? FaultRules.WithoutJournal : null;
}
