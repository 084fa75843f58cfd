using System.Management.Automation;
using System.Management.Automation.Language;
using Kumoi.PowerShell.Lineage;

namespace Kumoi.PowerShell.Substitution;

/// <summary>
/// A filter that compares a property that has a number with a number that is written out. It is asked here: Where-Object looks for the
/// property anew in each element, and over thousands of elements what it leaves behind is more memory than .NET clears without being felt.
/// </summary>
internal static class KnownFilter
{
    /// <summary>Up to here every whole number is exact as one with a point, which is how the engine compares it with one.</summary>
    private const double Exact = 1L << 53;

    /// <summary>The elements that Where-Object lets pass, in their order; null: it does not do what is done here.</summary>
    public static List<object>? Passed(PipelineStep filter, IReadOnlyList<object> feed)
    {
        if (TestOf(filter) is not { } test)
        {
            return null;
        }

        var passed = new List<object>(feed.Count);
        var reader = new PropertyReader(test.Property);
        foreach (var element in feed)
        {
            if (!reader.TryRead(element, out var value) || Number(value) is not { } number)
            {
                return null;
            }

            if (test.Holds(number, test.Limit))
            {
                passed.Add(element);
            }
        }

        return passed;
    }

    private static (string Property, Func<double, double, bool> Holds, double Limit)? TestOf(PipelineStep filter) =>
        filter is
        {
            Kind: StepKind.Filter,
            Command.Redirections.Count: 0,
            Arguments:
            {
                Values:
                [
                { Name: null or "Property", Value: StringConstantExpressionAst { Value: var property } },
                { Name: null or "Value", Value: ConstantExpressionAst { Value: var value } },
                ],
                Names: var names,
            },
        }
        && !WildcardPattern.ContainsWildcardCharacters(property)
        && names.Except(["Property", "Value"], StringComparer.OrdinalIgnoreCase).ToList() is [var operation]
        && Comparison(operation) is { } holds
        && Number(value) is { } limit
            ? (property, holds, limit)
            : null;

    private static Func<double, double, bool>? Comparison(string operation) => operation.ToUpperInvariant().TrimStart('C') switch
    {
        "LT" => static (left, right) => left < right,
        "LE" => static (left, right) => left <= right,
        "GT" => static (left, right) => left > right,
        "GE" => static (left, right) => left >= right,
        _ => null,
    };

    private static double? Number(object? value) => value switch
    {
        double number => number,
        int number => number,
        long number when Math.Abs((double)number) <= Exact => number,
        _ => null,
    };
}
