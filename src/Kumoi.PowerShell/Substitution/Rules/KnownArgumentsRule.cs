namespace Kumoi.PowerShell.Substitution;

/// <summary>What a cmdlet of the pipeline was given must be the same when it is run again.</summary>
internal sealed class KnownArgumentsRule : SubstitutionRule<PipelineCase>
{
    public override string? WhyNot(PipelineCase its) =>
        its.Lineage.Run.Arguments.Values.Select(arguments => arguments.Obstacle).FirstOrDefault(static obstacle => obstacle is not null);
}
