using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.FailureOblivious;

public sealed class TypedDefaultTests
{
    [Fact]
    public void A_type_gives_the_default_of_its_kind()
    {
        Assert.Equal(0, TypedDefault.Of<int>());
        Assert.False(TypedDefault.Of<bool>());
        Assert.Equal("", TypedDefault.Of<string>());
        Assert.Empty(TypedDefault.Of<IReadOnlyList<VMReading>>());
        Assert.Empty(TypedDefault.Of<string[]>());
        Assert.Null(TypedDefault.Of<int?>());
        Assert.Equal(PowerState.Unknown, TypedDefault.Of<PowerState>());
        Assert.Equal(DayOfWeek.Sunday, TypedDefault.Of<DayOfWeek>());
    }

    [Fact]
    public void A_record_is_made_by_the_same_rules_and_says_that_it_is_masked()
    {
        var host = TypedDefault.Of<HostReading>();
        Assert.True(host.IsMasked);
        Assert.Equal("", host.HostName);
        Assert.Null(host.HypervisorVersion);
        Assert.Null(host.VMs);
        Assert.Empty(host.Tags);
        Assert.Equal(0, host.FreeMemoryBytes);
    }

    [Fact]
    public void A_dead_host_or_its_VM_does_not_look_idle_unless_the_papers_rule_is_asked_for()
    {
        Assert.Equal(1.0, TypedDefault.Of<HostReading>(MaskMode.Pessimistic).CpuRatio);
        Assert.Equal(0.0, TypedDefault.Of<HostReading>(MaskMode.Zero).CpuRatio);
        Assert.Equal(1.0, TypedDefault.Of<VMReading>(MaskMode.Pessimistic).CpuRatio);
    }

    [Fact]
    public void A_type_that_holds_itself_ends() => Assert.Null(TypedDefault.Of<Chain>().Next);

    [Fact]
    public void One_property_can_be_given_by_its_name()
    {
        var host = TypedDefault.Of<HostReading>();
        Assert.Equal(0.5, TypedDefault.With(host, "cpuratio", 0.5)!.CpuRatio);
        Assert.Equal(1.0, host.CpuRatio);
        Assert.Null(TypedDefault.With(host, "Nonsense", 1));
        Assert.Throws<InvalidCastException>(() => TypedDefault.With(host, nameof(HostReading.CpuRatio), "much"));
    }

    private sealed record Chain
    {
        public Chain Next { get; init; } = null!;
    }
}
