using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Modes;

public sealed class ShortLengthsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(20)]
    [InlineData(100)]
    public void The_likelihood_is_that_of_the_gamma_distribution(int count)
    {
        for (var means = 0.0; means <= 3 * count; means += 0.02 * count)
        {
            // 1 − e⁻ˣ·Σ xⁱ/i! for i < n.
            var (term, fewer) = (Math.Exp(-means), 0.0);
            for (var i = 0; i < count; i++)
            {
                fewer += term;
                term *= means / (i + 1);
            }

            Assert.Equal(1 - fewer, ShortLengths.Likelihood(count, means), tolerance: count == 1 ? 0.013 : 0.005);
        }
    }

    [Fact]
    public void None_at_all_is_as_unlikely_as_can_be() => Assert.InRange(ShortLengths.Likelihood(5, 0), 0, 1e-9);
}
