namespace Kumoi.PowerShell.Substitution;

/// <summary>All reasons why nothing may be substituted. The first that holds is the one that is given.</summary>
internal static class SubstitutionRules
{
    private static readonly IReadOnlyList<SubstitutionRule<PipelineCase>> OfPipeline =
    [
        new TerminalRule(),
        new OneSourceRule(),
        new EachOnceRule(),
        new KnownArgumentsRule(),
        new KnownCmdletsRule(),
        new DefaultVariablesRule(),
        new OtherStepsRule(),
        new LaterArgumentsRule(),
        new WholeSourceRule(),
        new SameStatementRule(),
        new HeldChoiceRule(),
        new HeldPicksComeAloneRule(),
        new HeldPicksThemselvesRule(),
        new HeldPipelineOverRule(),
        new StepsRule(),
        new EarlierVariableRule(),
        new AllPicksRule(),
        new KnownValuesRule(),
    ];

    private static readonly IReadOnlyList<SubstitutionRule<FailureCase>> OfFailure =
    [
        new StoppedRule(),
        new JournalRule(),
        new OriginRule(),
        new UndoneRule(),
        new OutcomeRule(),
        new PipelineRule(),
        new RequestRule(),
        new FaultDomainRule(),
    ];

    /// <summary>Why no element of this pipeline is replaced; null: they can be.</summary>
    public static string? WhyNot(PipelineCase its) => WhyNot(OfPipeline, its);

    /// <summary>Why no other element takes the place of this one; null: another may.</summary>
    public static string? WhyNot(FailureCase its) => WhyNot(OfFailure, its);

    private static string? WhyNot<TCase>(IReadOnlyList<SubstitutionRule<TCase>> rules, TCase its)
    {
        foreach (var rule in rules)
        {
            if (rule.WhyNot(its) is { } why)
            {
                return why;
            }
        }

        return null;
    }
}
