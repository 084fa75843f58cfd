using Kumoi.Hypervisors;
using Kumoi.Tests.Fleets;
using Xunit;

namespace Kumoi.Tests.Hypervisors;

public sealed class VMSpecCheckTests
{
    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("a/b")]
    [InlineData("a\nb")]
    [InlineData("a\tb")]
    [InlineData("a\u001bb")]
    [InlineData("a\u0085b")]
    [InlineData("a\u0000b")]
    [InlineData("a\ufffeb")]
    public void What_cannot_be_kept_is_no_name(string name) => Refuses(() => VMSpecCheck.Ensure(new VMSpec { Name = name }));

    [Fact]
    public void Half_a_character_is_refused_since_it_would_come_back_as_another()
    {
        Refuses(() => VMSpecCheck.Ensure(new VMSpec { Name = "a\ud800b" }));
        Refuses(() => VMSpecCheck.EnsureName("\udc00", "host"));
        VMSpecCheck.EnsureName("🦊", "host");
    }

    [Theory]
    [InlineData("web")]
    [InlineData("web[1]")]
    [InlineData("half[open")]
    [InlineData("Größe 東京")]
    [InlineData("1e3")]
    [InlineData("a\u200bb")]
    public void Other_names_are_taken(string name) => VMSpecCheck.Ensure(new VMSpec { Name = name });

    [Fact]
    public void The_name_in_an_XML_counts_unless_another_is_given()
    {
        Refuses(() => VMSpecCheck.Ensure(new VMSpec { Xml = "<domain><name>a&#9;b</name></domain>" }));
        Refuses(() => VMSpecCheck.Ensure(new VMSpec { Xml = "<domain/>" }));
        Refuses(() => VMSpecCheck.Ensure(new VMSpec { Xml = "<domain><name>" }));
        VMSpecCheck.Ensure(new VMSpec { Name = "good", Xml = "<domain/>" });
    }

    [Fact]
    public void Nothing_else_of_a_specification_may_break_the_XML()
    {
        Refuses(() => VMSpecCheck.Ensure(new VMSpec { Name = "a", KernelArguments = "quiet\u0001" }));
        Refuses(() => VMSpecCheck.Ensure(new VMSpec { Name = "a", Networks = ["net\n"] }));
        Refuses(() => VMSpecCheck.Ensure(new VMSpec { Name = "a", Disks = [new DiskSpec { Path = "/img\ud800" }] }));
    }

    private static void Refuses(Action check)
    {
        var error = Assert.Throws<HypervisorException>(check);
        Assert.Equal((HypervisorError.InvalidSpecification, FaultDomain.VM), (error.Error, error.FaultDomain));
        Assert.NotNull(error.RecommendedAction);
    }
}
