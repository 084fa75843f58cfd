using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines;

/// <summary>The domain that waits for a VM's state.</summary>
public sealed class StandbyDefinitionTests
{
    private static readonly Guid VM = Guid.NewGuid();
    private static readonly PairPlan Plan = new(VM, "/pairs/web", ["kvm01", "kvm02"], new PairGoals(100), []);
    private static readonly XNamespace Qemu = "http://libvirt.org/schemas/domain/qemu/1.0";

    private static readonly XElement Live = XElement.Parse($"""
        <domain type='kvm' id='7'>
          <name>web</name>
          <uuid>{VM:D}</uuid>
          <metadata><tags xmlns='urn:tags'>a</tags></metadata>
          <devices>
            <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><target dev='vnet3'/></interface>
            <serial type='unix'><source mode='connect' path='/pairs/web/console.sock'/></serial>
            <console type='unix'><source mode='connect' path='/pairs/web/console.sock'/></console>
          </devices>
          <seclabel type='dynamic' model='dac'/>
        </domain>
        """);

    [Fact]
    public void It_is_a_domain_of_its_own_that_waits_for_a_state()
    {
        var standby = Make(serving: null, 1);

        Assert.Equal("web-ck1", (string?)standby.Element("name"));
        Assert.Equal(PairDomains.Of(VM, 1), (Guid?)standby.Element("uuid"));
        Assert.Null(standby.Attribute("id"));
        Assert.Null(standby.Element("seclabel"));
        Assert.Equal(["-incoming", "defer"], Arguments(standby));
    }

    [Fact]
    public void Its_console_connects_to_a_gate_of_its_own_and_again_when_that_was_away()
    {
        var sources = Make(serving: null, 1).Elements("devices").Elements().Where(static device => device.Name.LocalName is not "interface")
            .Elements("source").ToList();

        Assert.Equal(2, sources.Count);
        Assert.All(sources, static source => Assert.Equal("/pairs/web/console-ck1.sock", (string?)source.Attribute("path")));
        Assert.All(sources, static source => Assert.Equal("yes", (string?)source.Element("reconnect")?.Attribute("enabled")));
    }

    [Fact]
    public void Its_card_has_the_VMs_address_and_a_tap_of_its_own()
    {
        var card = Make(serving: null, 1).Element("devices")!.Element("interface")!;

        Assert.Equal("52:54:00:00:00:01", (string?)card.Element("mac")?.Attribute("address"));
        Assert.Null(card.Element("target"));
    }

    [Fact]
    public void It_is_marked_beside_what_others_have_written_there()
    {
        var standby = Make(serving: null, 1);

        Assert.Equal("attempt", StandbyMark.AttemptOf(standby));
        Assert.NotNull(standby.Element("metadata")!.Element(XName.Get("tags", "urn:tags")));
    }

    [Fact]
    public void One_made_from_a_standby_that_has_taken_over_is_as_one_made_from_the_VM()
    {
        var first = Make(serving: null, 1);
        var second = StandbyDefinition.Of(first, Plan, 1, 2, "next");

        Assert.Equal("web-ck2", (string?)second.Element("name"));
        Assert.Equal(["-incoming", "defer"], Arguments(second));
        Assert.Equal("next", StandbyMark.AttemptOf(second));
        Assert.Single(second.Element("metadata")!.Elements(), StandbyMark.Is);
        Assert.Single(second.Descendants("serial").Elements("source").Elements("reconnect"));
        Assert.Equal("/pairs/web/console-ck2.sock", (string?)second.Descendants("serial").Elements("source").Single().Attribute("path"));
    }

    [Fact]
    public void All_domains_of_a_pair_have_different_ids_which_every_controller_knows()
    {
        Assert.Equal(PairDomains.Standbys + 1, PairDomains.All(VM).Distinct().Count());
        Assert.Equal(PairDomains.All(VM), PairDomains.All(VM));
        Assert.Empty(PairDomains.All(VM).Intersect(PairDomains.All(Guid.NewGuid())));
    }

    private static XElement Make(int? serving, int number) => StandbyDefinition.Of(Live, Plan, serving, number, "attempt");

    private static IEnumerable<string?> Arguments(XElement domain) =>
        domain.Elements(Qemu + "commandline").Elements(Qemu + "arg").Select(static argument => (string?)argument.Attribute("value"));
}
