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
    public void A_dead_host_does_not_look_empty_and_a_sum_over_many_is_a_number()
    {
        var dead = TypedDefault.Of<HostReading>() with { VMs = [] };
        Assert.InRange(dead.VMCount, 100_000, int.MaxValue / 1000);
        Assert.InRange(dead.RunningVMCount, 100_000, int.MaxValue / 1000);
        var zero = TypedDefault.Of<HostReading>(MaskMode.Zero) with { VMs = [] };
        Assert.Equal((0, 0), (zero.VMCount, zero.RunningVMCount));
    }

    [Fact]
    public void The_VMs_of_a_real_reading_are_counted()
    {
        var vm = new VMReading { CapturedAt = ManualTime.Start, Id = Guid.Empty, Name = "web" };
        var host = new HostReading { CapturedAt = ManualTime.Start, HostName = "kvm01", HypervisorType = "Test" };
        Assert.Equal((0, 0), (host.VMCount, host.RunningVMCount));
        host = host with { VMs = [vm, vm with { State = PowerState.Running }, vm with { State = PowerState.Paused }] };
        Assert.Equal((3, 1), (host.VMCount, host.RunningVMCount));
    }

    [Fact]
    public void A_made_up_VM_is_neither_idle_nor_small_nor_off()
    {
        var vm = TypedDefault.Of<VMReading>();
        Assert.True(vm.IsMasked);
        Assert.Equal((1.0, PowerState.Unknown, false), (vm.CpuRatio, vm.State, vm.IsPersistent));
        Assert.InRange(vm.MemoryBytes, 1L << 45, long.MaxValue / 1000);
        Assert.InRange(vm.CpuCount, 1 << 14, int.MaxValue / 1000);
    }

    /// <summary>Whoever adds a property to a reading decides what stands in for it, and says so here.</summary>
    [Fact]
    public void What_stands_in_is_decided_for_every_property()
    {
        Assert.Equal(
            [
                ("CpuCount", 0), ("CpuModel", ""), ("CpuRatio", 1.0), ("FreeMemoryBytes", 0L), ("HostName", ""), ("HypervisorType", ""),
                ("HypervisorVersion", null), ("IsMasked", true), ("MemoryBytes", 0L), ("RunningVMCount", 1_000_000),
                ("Tags", Array.Empty<string>()),
                ("VMCount", 1_000_000), ("VMs", null),
            ],
            Properties(TypedDefault.Of<HostReading>()));
        Assert.Equal(
            [
                ("AssignedMemoryBytes", 1L << 50), ("CpuCount", 1 << 16), ("CpuRatio", 1.0), ("CpuTime", TimeSpan.Zero),
                ("DiskReadBytes", 0L), ("DiskWrittenBytes", 0L),
                ("HasSavedState", true), ("Id", Guid.Empty), ("IsAutostart", false), ("IsMasked", true), ("IsPersistent", false),
                ("MaxCpuCount", 1 << 16), ("MemoryBytes", 1L << 50), ("Name", ""), ("NetworkReceivedBytes", 0L),
                ("NetworkSentBytes", 0L), ("State", PowerState.Unknown),
            ],
            Properties(TypedDefault.Of<VMReading>()));

        static IEnumerable<(string, object?)> Properties(object reading) =>
            reading.GetType().GetProperties().Where(property => property.Name is not "CapturedAt")
                .OrderBy(property => property.Name, StringComparer.Ordinal)
                .Select(property => (property.Name, property.GetValue(reading)));
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
