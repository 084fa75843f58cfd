using System.Globalization;
using System.Management.Automation;
using Kumoi.Speculation.Reliability;

namespace Kumoi.PowerShell.Parameters;

/// <summary>How many replicas an operation has, as a parameter takes it: a number, or <c>Auto</c>.</summary>
public sealed class ReplicaCount
{
    internal const string AutoName = "Auto";

    private const int Maximum = 16;

    private readonly int? _count;

    public ReplicaCount(object value)
    {
        var given = value is PSObject wrapped ? wrapped.BaseObject : value;
        var text = Convert.ToString(given, CultureInfo.InvariantCulture);
        if (!string.Equals(text, AutoName, StringComparison.OrdinalIgnoreCase))
        {
            _count = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 1 and <= Maximum
                ? count
                : throw new ArgumentException(
                    $"'{text}' is neither a number of replicas, 1 to {Maximum}, nor '{AutoName}'.", nameof(value));
        }
    }

    /// <summary>As many as are needed.</summary>
    internal bool IsAuto => _count is null;

    /// <summary>The policy that the parameters mean.</summary>
    /// <param name="wantedSuccess">For Auto: the predicted success at which there are enough.</param>
    /// <param name="costLimit">For Auto: how many there are at most.</param>
    /// <param name="hedgePercentile">Null: all at once.</param>
    internal ReplicationPolicy ToPolicy(double wantedSuccess, int costLimit, double? hedgePercentile) => _count switch
    {
        null => new ReplicationPolicy.Auto(wantedSuccess, costLimit, hedgePercentile ?? 0),
        { } count when hedgePercentile is { } percentile => new ReplicationPolicy.Hedged(count, percentile),
        { } count => new ReplicationPolicy.AtOnce(count),
    };

    public override string ToString() => _count?.ToString(CultureInfo.InvariantCulture) ?? AutoName;
}
