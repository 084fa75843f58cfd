using System.Text.Json;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Pairs;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>What QEMU's own answers (their shapes are those of QEMU 7.2 and 10.0) say of what it can do for a pair.</summary>
public sealed class PairProbeTests
{
    private const string Able = """[{"state": false, "capability": "xbzrle"}, {"state": false, "capability": "x-ignore-shared"}]""";
    private const string Unable = """[{"state": false, "capability": "xbzrle"}]""";
    private const string Filters = """[{"name": "filter-buffer", "parent": "netfilter"}]""";

    [Theory]
    [InlineData(CheckpointEngine.SharedDelta, false, Able, "[]", null)]
    [InlineData(CheckpointEngine.SharedDelta, false, Unable, Filters, "x-ignore-shared")]
    [InlineData(CheckpointEngine.Migrate, false, Unable, "[]", null)]
    [InlineData(CheckpointEngine.Migrate, true, Able, Filters, null)]
    [InlineData(CheckpointEngine.Migrate, true, Able, "[]", "filter-buffer")]
    [InlineData(CheckpointEngine.LibvirtSnapshot, true, Unable, "[]", "filter-buffer")]
    public void What_it_lacks_is_found_before_anything_is_begun(
        CheckpointEngine engine, bool hasCards, string capabilities, string filters, string? lack)
    {
        using var first = JsonDocument.Parse(capabilities);
        using var second = JsonDocument.Parse(filters);
        var found = PairProbe.Judge(engine, hasCards, first.RootElement, second.RootElement);
        Assert.Equal(lack is null, found is null);
        Assert.Contains(lack ?? "", found ?? "", StringComparison.Ordinal);
    }
}
