namespace Kumoi.PolicySimulation.Modes;

/// <summary>How long output was held: shares of it, in steps of a millisecond.</summary>
internal sealed class LatencyDistribution
{
    private const int Steps = 60_000; // what is held longer than a minute counts as a minute

    private const double Rounding = 1e-9;

    private readonly double[] _at = new double[Steps + 1];
    private readonly double[] _slopes = new double[Steps + 2]; // differences of the density of what is spread evenly
    private double _weighted;
    private double _weight;

    public double MeanMs => _weighted / _weight;

    /// <summary>So much output was held for the same time.</summary>
    public void Add(double heldMs, double weight)
    {
        _at[Math.Clamp((int)heldMs, 0, Steps)] += weight;
        Count((heldMs * weight, weight));
    }

    /// <summary>So much output was held for times that are spread evenly between two.</summary>
    public void AddEvenly(double fromMs, double toMs, double weight)
    {
        var from = Math.Clamp((int)fromMs, 0, Steps);
        var to = Math.Clamp((int)toMs, from, Steps);
        var density = weight / (to - from + 1);
        _slopes[from] += density;
        _slopes[to + 1] -= density;
        Count(((fromMs + toMs) / 2 * weight, weight));
    }

    /// <summary>No more than this share of the output was held longer.</summary>
    public double Quantile(double share)
    {
        var (density, sum) = (0.0, 0.0);
        for (var i = 0; i <= Steps; i++)
        {
            density += _slopes[i];
            sum += density + _at[i];
            if (sum >= share * _weight * (1 - Rounding))
            {
                return i;
            }
        }

        return Steps;
    }

    private void Count((double Weighted, double Weight) part) =>
        (_weighted, _weight) = (_weighted + part.Weighted, _weight + part.Weight);
}
