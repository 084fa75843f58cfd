namespace Kumoi.PolicySimulation;

/// <summary>
/// Random numbers from a seed: xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64. Its own, since the numbers of
/// <see cref="Random"/> may differ between versions of .NET, and a study must come out the same.
/// </summary>
internal sealed class RandomStream
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    /// <summary>The same numbers for the same seed and stream.</summary>
    /// <param name="seed">That of the study.</param>
    /// <param name="stream">Streams of one seed are independent, so that more draws from one change nothing in another.</param>
    public RandomStream(long seed, int stream)
    {
        var state = unchecked(((ulong)seed * 0x9E3779B97F4A7C15) ^ ((ulong)stream * 0xD1B54A32D192ED03));
        (_a, _b, _c, _d) = (SplitMix(ref state), SplitMix(ref state), SplitMix(ref state), SplitMix(ref state));
    }

    /// <summary>The seed of one of several independent runs.</summary>
    public static long DeriveSeed(long seed, int run) => unchecked((long)new RandomStream(seed, ~run).Next());

    /// <summary>0..1, 1 excluded.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>0..<paramref name="limit"/>, excluded.</summary>
    public int NextInt(int limit) => (int)(((Next() >> 32) * (ulong)limit) >> 32);

    public bool NextBool(double probability) => probability > 0 && NextDouble() < probability;

    public double Uniform(double low, double high) => low + ((high - low) * NextDouble());

    public double Exponential(double mean) => -mean * Math.Log(1 - NextDouble());

    /// <summary>Log-normal with mean 1.</summary>
    /// <param name="sigma">The standard deviation of its logarithm.</param>
    public double LogNormal(double sigma)
    {
        // Box and Muller's transform.
        var normal = Math.Sqrt(-2 * Math.Log(1 - NextDouble())) * Math.Cos(2 * Math.PI * NextDouble());
        return Math.Exp((sigma * normal) - (sigma * sigma / 2));
    }

    public void Shuffle(int[] items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static ulong SplitMix(ref ulong state)
    {
        var z = unchecked(state += 0x9E3779B97F4A7C15);
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
        return z ^ (z >> 31);
    }

    public ulong Next()
    {
        var result = unchecked(ulong.RotateLeft(_b * 5, 7) * 9);
        var t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = ulong.RotateLeft(_d, 45);
        return result;
    }
}
