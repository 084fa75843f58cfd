using System.Globalization;
using System.Reflection;

namespace Kumoi.FaultTolerance.Modes;

/// <summary>Makes the options of a rule from names and numbers, as an admin gives them: times in milliseconds, with names in -Ms.</summary>
public static class ModeRules
{
    private const string Milliseconds = "Ms";

    /// <summary>The options of a rule, with what is given in place of what they are by themselves.</summary>
    /// <exception cref="InvalidOperationException">A name or a value is none of the rule, or out of its range: it says which.</exception>
    public static ModeOptions Create(ModeRule rule, IEnumerable<KeyValuePair<string, object?>> given)
    {
        ModeOptions options = rule switch
        {
            ModeRule.Fixed => new FixedModeOptions(PairMode.Colo),
            ModeRule.MovingAverage => new MovingAverageModeOptions(),
            ModeRule.Threshold => new ThresholdModeOptions(),
            ModeRule.ProportionalIntegral => new ProportionalIntegralModeOptions(),
            _ => new LearnedModeOptions(),
        };
        var all = PropertiesOf(options);
        foreach (var (name, value) in given)
        {
            if (!all.TryGetValue(name, out var property))
            {
                throw new InvalidOperationException(
                    $"The controller {rule} has no option '{name}'. Its options are {string.Join(", ", NamesOf(rule))}.");
            }

            property.SetValue(options, Convert(name, property.PropertyType, value));
        }

        _ = options.Create(static () => 0);
        return options;
    }

    /// <summary>What the options of a rule are called.</summary>
    public static IReadOnlyList<string> NamesOf(ModeRule rule) =>
        [.. PropertiesOf(Create(rule, [])).Keys.Order(StringComparer.Ordinal)];

    private static Dictionary<string, PropertyInfo> PropertiesOf(ModeOptions options) =>
        options.GetType().GetProperties().Where(static property => property.CanWrite).ToDictionary(
            static property => property.PropertyType == typeof(TimeSpan) ? property.Name + Milliseconds : property.Name,
            StringComparer.OrdinalIgnoreCase);

    private static object Convert(string name, Type type, object? value)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        try
        {
            return type == typeof(TimeSpan) ? TimeSpan.FromMilliseconds(System.Convert.ToDouble(value, CultureInfo.InvariantCulture))
                : type.IsEnum ? Enum.Parse(type, System.Convert.ToString(value, CultureInfo.InvariantCulture) ?? "", ignoreCase: true)
                : System.Convert.ChangeType(value, type, CultureInfo.InvariantCulture)
                    ?? throw new FormatException("There is no value.");
        }
        catch (Exception e) when (e is FormatException or InvalidCastException or OverflowException or ArgumentException)
        {
            throw new InvalidOperationException($"'{value}' is no value for the option {name}: {e.Message}", e);
        }
    }
}
