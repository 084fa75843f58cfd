using System.Text;
using System.Xml;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Hypervisors;

public sealed class SafeXmlTests
{
    [Theory]
    [InlineData(257)]
    [InlineData(100_000)]
    public void XML_that_is_nested_too_deeply_is_refused(int depth)
    {
        var failure = Assert.Throws<HypervisorException>(() => DomainDefinition.Parse(Nested(depth)));

        Assert.Equal((HypervisorError.InvalidSpecification, FaultDomain.VM), (failure.Error, failure.FaultDomain));
        Assert.Contains("nested more than 256 deep", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_longest_chain_of_backing_files_is_not() => Assert.Equal("domain", DomainDefinition.Parse(Nested(210)).Name.LocalName);

    [Fact]
    public void So_is_XML_that_is_too_long()
    {
        var padding = new string('x', SafeXml.MaxLength);

        Assert.Throws<XmlException>(() => SafeXml.Parse($"<domain><description>{padding}</description></domain>"));
        Assert.Equal(HypervisorError.InvalidSpecification,
            Assert.Throws<HypervisorException>(() => DomainDefinition.Parse($"<domain>{padding}</domain>")).Error);
    }

    [Theory]
    [InlineData("<!DOCTYPE d SYSTEM 'http://127.0.0.1:1/x.dtd'><domain/>")]
    [InlineData("<!DOCTYPE d [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><domain>&f;</domain>")]
    public void Nothing_outside_of_it_is_read(string xml) => Assert.Throws<XmlException>(() => SafeXml.Parse(xml));

    private static string Nested(int depth)
    {
        var xml = new StringBuilder("<domain><devices>");
        for (var i = 2; i < depth; i++)
        {
            xml.Append("<a>");
        }

        xml.Append("x");
        for (var i = 2; i < depth; i++)
        {
            xml.Append("</a>");
        }

        return xml.Append("</devices></domain>").ToString();
    }
}
