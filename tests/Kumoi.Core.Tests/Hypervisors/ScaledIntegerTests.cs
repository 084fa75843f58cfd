using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Tests.Hypervisors.Libvirt;
using Xunit;

namespace Kumoi.Tests.Hypervisors;

/// <summary>libvirt's own reader is the oracle where it is there: the test driver says what it made of the same element.</summary>
public sealed class ScaledIntegerTests : LibvirtTest
{
    [Theory]
    [InlineData("<memory>1048576</memory>", 1L << 30)]
    [InlineData("<memory unit=''>1048576</memory>", 1L << 30)]
    [InlineData("<memory unit='gib'>1</memory>", 1L << 30)]
    [InlineData("<memory unit='g'>1</memory>", 1L << 30)]
    [InlineData("<memory unit='G'>1</memory>", 1L << 30)]
    [InlineData("<memory unit='GB'>1</memory>", 1_000_000_512)] // in whole KiB
    [InlineData("<memory unit='B'>67108864</memory>", 64L << 20)]
    [InlineData("<memory unit='byte'>67108865</memory>", (64L << 20) + 1024)]
    [InlineData("<memory unit='Bytes'>67108864</memory>", 64L << 20)]
    [InlineData("<memory unit='k'>65536</memory>", 64L << 20)]
    [InlineData("<memory unit='KB'>65536</memory>", 65_536_000)]
    [InlineData("<memory unit='mB'>64</memory>", 64_000_000)]
    [InlineData("<memory unit='MiB'>64</memory>", 64L << 20)]
    [InlineData("<memory unit='TB'>1</memory>", 1_000_000_000_000)]
    [InlineData("<memory unit='tib'>1</memory>", 1L << 40)]
    [InlineData("<memory unit='PB'>1</memory>", 1_000_000_000_000_000)]
    [InlineData("<memory unit='p'>1</memory>", 1L << 50)]
    [InlineData("<memory unit='E'>1</memory>", 1L << 60)]
    public async Task A_size_is_what_libvirt_makes_of_it(string memory, long bytes)
    {
        Assert.Equal(bytes, DomainDefinition.MemoryBytes(Domain(memory)));

        var link = await OpenNodeAsync();
        var vm = await link.SendAsync(new DefineVM(new VMSpec { Xml = Domain(memory).ToString() }), Deadline);
        Assert.Equal(bytes, vm.MemoryBytes);
    }

    [Theory]
    [InlineData("<memory unit='XB'>1</memory>")]
    [InlineData("<memory unit='kib ib'>1</memory>")]
    [InlineData("<memory unit='GiBs'>1</memory>")]
    [InlineData("<memory unit='MiB'>-1</memory>")]
    [InlineData("<memory unit='MiB'>1.5</memory>")]
    [InlineData("<memory unit='MiB'>1e3</memory>")]
    [InlineData("<memory unit='MiB'>0x40</memory>")]
    [InlineData("<memory unit='MiB'>many</memory>")]
    [InlineData("<memory unit='EiB'>16</memory>")]
    [InlineData("<memory>99999999999999999999</memory>")]
    public async Task What_is_no_size_is_refused_as_libvirt_does(string memory)
    {
        var failure = Assert.Throws<HypervisorException>(() => DomainDefinition.MemoryBytes(Domain(memory)));
        Assert.Equal((HypervisorError.InvalidSpecification, FaultDomain.VM), (failure.Error, failure.FaultDomain));

        var link = await OpenNodeAsync();
        await FailsAsync(
            HypervisorError.InvalidSpecification, FaultDomain.VM,
            () => link.SendAsync(new DefineVM(new VMSpec { Xml = Domain(memory).ToString() }), Deadline).AsTask());
    }

    [Fact]
    public void With_NUMA_cells_the_memory_is_theirs() => Assert.Equal(
        3L << 30,
        DomainDefinition.MemoryBytes(Domain(
            "<memory unit='GiB'>1</memory><cpu><numa><cell id='0' cpus='0' memory='1' unit='gib'/><cell id='1' cpus='1' "
                + "memory='2097152'/></numa></cpu>")));

    [Theory]
    [InlineData("<memory>65536</memory><currentMemory unit='zib'>1</currentMemory>")]
    [InlineData("<memory>65536</memory><maxMemory slots='1' unit='MiB'>-5</maxMemory>")]
    [InlineData("<memory>65536</memory><memoryBacking><hugepages><page size='2' unit='quux'/></hugepages></memoryBacking>")]
    [InlineData("<memory>65536</memory><cpu><numa><cell id='0' memory='1' unit='x'/></numa></cpu>")]
    [InlineData(
        "<memory unit='EiB'>7</memory><cpu><numa><cell id='0' memory='7' unit='EiB'/><cell id='1' memory='7' unit='EiB'/></numa></cpu>")]
    public void Units_elsewhere_in_a_definition_are_read_alike(string content) =>
        Assert.Equal(HypervisorError.InvalidSpecification,
            Assert.Throws<HypervisorException>(() => DomainDefinition.MemoryBytes(Domain(content))).Error);

    [Fact]
    public void Of_volumes_a_number_without_a_unit_is_bytes() =>
        Assert.Equal(7, ScaledInteger.Read(XElement.Parse("<capacity>7</capacity>"), "bytes"));

    private static XElement Domain(string content) =>
        XElement.Parse($"<domain type='test'><name>x</name>{content}<os><type>hvm</type></os></domain>");
}
