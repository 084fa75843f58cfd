using System.Text.Json;
using Kumoi.FaultTolerance.Engines.Colo;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.Colo;

public sealed class ColoVersionsTests
{
    [Theory]
    [InlineData("7.1.9", false)]
    [InlineData("7.2.0", true)]
    [InlineData("9.2.4", true)]
    [InlineData("10.0.0", false)]
    [InlineData("10.0.6", false)]
    [InlineData("10.0.7", true)]
    [InlineData("10.0.13", true)]
    [InlineData("10.1.0", false)]
    [InlineData("10.1.9", false)]
    [InlineData("10.2.0", true)]
    [InlineData("11.0.0", true)]
    public void Versions_that_are_broken_or_of_which_it_is_not_known_are_refused(string version, bool isTaken) =>
        Assert.Equal(isTaken, ColoVersions.Judge(Version.Parse(version)) is null);

    [Fact]
    public void The_version_is_read_as_QEMU_gives_it()
    {
        using var answer = JsonDocument.Parse("""{"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian 1:7.2"}""");
        Assert.Equal(new Version(7, 2, 22), ColoVersions.Of(answer.RootElement));
    }
}
