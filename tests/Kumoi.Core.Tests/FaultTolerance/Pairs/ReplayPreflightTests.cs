using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>What QEMU cannot record so that it is replayed.</summary>
public sealed class ReplayPreflightTests
{
    private static readonly PairPlan Plan = new(Guid.NewGuid(), "/pairs/a", ["k1", "k2"], new PairGoals(null), []);

    [Fact]
    public void A_VM_that_is_off_and_has_one_CPU_by_software_emulation_and_a_console_can_be_replayed() =>
        Assert.Empty(ReplayPreflight.Judge(Domain(), Reading(1, PowerState.Shutoff), Plan));

    [Theory]
    [InlineData("<domain type='kvm'><devices/></domain>", 1, PowerState.Shutoff, "kvm")]
    [InlineData("<domain type='qemu'><devices/></domain>", 2, PowerState.Shutoff, "2 virtual CPUs")]
    [InlineData("<domain type='qemu'><devices><interface type='bridge'/></devices></domain>", 1, PowerState.Shutoff, "network card")]
    [InlineData(
        "<domain type='qemu'><devices><disk device='disk'><target dev='vda'/></disk></devices></domain>", 1, PowerState.Shutoff, "vda")]
    [InlineData("<domain type='qemu'><devices><rng/></devices></domain>", 1, PowerState.Shutoff, "random")]
    [InlineData("<domain type='qemu'><devices/></domain>", 1, PowerState.Running, "in its middle")]
    public void Everything_else_is_refused_with_the_mode_that_fits_instead(string domain, int cpus, PowerState state, string reason)
    {
        var obstacle = Assert.Single(ReplayPreflight.Judge(XElement.Parse(domain), Reading(cpus, state), Plan));

        Assert.Contains(reason, obstacle.Message, StringComparison.Ordinal);
        Assert.Contains("-Mode Checkpoint", obstacle.RecommendedAction, StringComparison.Ordinal);
    }

    private static XElement Domain() => XElement.Parse(
        "<domain type='qemu'><devices><disk device='floppy'><readonly/></disk><serial type='unix'/></devices></domain>");

    private static VMReading Reading(int cpus, PowerState state) => new()
    {
        CapturedAt = DateTimeOffset.UnixEpoch,
        Id = Plan.VM,
        Name = "web1",
        State = state,
        CpuCount = cpus,
    };
}
