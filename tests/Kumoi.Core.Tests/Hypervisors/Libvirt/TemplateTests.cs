using System.Xml.Linq;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt;

/// <summary>One definition for several VMs: what only one of them can have is not copied.</summary>
public sealed class TemplateTests : LibvirtTest
{
    private const string Master = """
        <domain type='test'>
          <name>web</name><uuid>11111111-2222-3333-4444-555555555555</uuid><genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>
          <memory unit='MiB'>64</memory><vcpu>1</vcpu>
          <os>
            <type arch='x86_64'>hvm</type><loader readonly='yes' type='pflash'>/fw/CODE.fd</loader>
            <nvram template='/fw/VARS.fd'>/nvram/web_VARS.fd</nvram>
          </os>
          <sysinfo type='smbios'><system>
            <entry name='manufacturer'>Kumoi</entry><entry name='uuid'>11111111-2222-3333-4444-555555555555</entry>
          </system></sysinfo>
          <devices>
            <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/><target dev='web-tap'/></interface>
            <interface type='bridge'>
              <mac address='52:54:00:00:00:02'/><source bridge='ovs0'/>
              <virtualport type='openvswitch'><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>
            </interface>
            <graphics type='vnc' port='5901' autoport='no' websocket='5701' passwd='secret'/>
            <graphics type='spice' tlsPort='5902' autoport='no'/>
            <graphics type='vnc' socket='/run/web.sock'/>
            <serial type='file'><source path='/logs/web.serial'/><target port='0'/></serial>
            <serial type='unix'><source mode='bind' path='/run/serial.sock'/><log file='/logs/webcam.log'/><target port='1'/></serial>
            <serial type='unix'><source mode='connect' path='/run/collector.sock'/><target port='2'/></serial>
            <channel type='unix'><source mode='bind' path='/run/web.agent'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
            <vsock model='virtio'><cid auto='no' address='7'/></vsock>
          </devices>
        </domain>
        """;

    private XElement _original = null!;
    private XElement _copy = null!;

    [Fact]
    public async Task Ids_and_addresses_are_drawn_anew()
    {
        await CopyAsync();

        Assert.Equal(("web", "db"), (_original.Element("name")!.Value, _copy.Element("name")!.Value));
        Differ(static domain => domain.Element("uuid")!.Value);
        Differ(static domain => domain.Element("genid")!.Value);
        Differ(static domain => string.Join(
            ' ', Devices(domain, "interface").Select(static nic => (string?)nic.Element("mac")!.Attribute("address"))));
        Differ(static domain => (string?)domain.Descendants("parameters").Single().Attribute("interfaceid"));
        Assert.Equal("web-tap", (string?)Devices(_original, "interface")[0].Element("target")!.Attribute("dev"));
        Assert.NotEqual("web-tap", (string?)Devices(_copy, "interface")[0].Element("target")?.Attribute("dev"));
        Assert.Equal(["manufacturer"], _copy.Descendants("entry").Select(static entry => (string?)entry.Attribute("name")));
        Assert.Equal(("yes", null), ((string?)_copy.Descendants("cid").Single().Attribute("auto"), (string?)_copy.Descendants("cid")
            .Single().Attribute("address")));
    }

    [Fact]
    public async Task Ports_and_sockets_are_chosen_when_it_starts_and_nothing_listens_that_did_not()
    {
        await CopyAsync();

        var screens = Devices(_copy, "graphics");
        Assert.Equal(("-1", "yes", "-1"), ((string?)screens[0].Attribute("port"), (string?)screens[0]
            .Attribute("autoport"), (string?)screens[0].Attribute("websocket")));
        Assert.Equal("secret", (string?)screens[0].Attribute("passwd"));
        Assert.Equal((null, "-1"), ((string?)screens[1].Attribute("port"), (string?)screens[1].Attribute("tlsPort")));
        Assert.Equal(("socket", null, null), (
            (string?)screens[2].Element("listen")!.Attribute("type"),
            (string?)screens[2].Element("listen")!.Attribute("socket"),
            (string?)screens[2].Attribute("port")));
        Assert.Null(Devices(_copy, "channel").Single().Element("source")?.Attribute("path"));
    }

    [Fact]
    public async Task Files_that_it_writes_are_its_own()
    {
        await CopyAsync();

        Assert.Equal(
            ["/logs/db.serial", "/run/db-serial.sock", "/run/collector.sock"],
            Devices(_copy, "serial").Select(static port => (string?)port.Element("source")!.Attribute("path")));
        Assert.Equal("/logs/db-webcam.log", (string?)_copy.Descendants("log").Single().Attribute("file"));
        Assert.Equal("/logs/db.serial", (string?)Devices(_copy, "console")[0].Element("source")!.Attribute("path"));
        Assert.Equal(("/fw/VARS.fd", ""), ((string?)_copy.Descendants("nvram").Single().Attribute("template"), _copy.Descendants("nvram")
            .Single().Value));
    }

    [Fact]
    public async Task Under_its_own_name_nothing_is_changed()
    {
        await CopyAsync();

        Assert.Equal("52:54:00:00:00:01", (string?)Devices(_original, "interface")[0].Element("mac")!.Attribute("address"));
        Assert.Equal("5901", (string?)Devices(_original, "graphics")[0].Attribute("port"));
        Assert.Equal("/nvram/web_VARS.fd", _original.Descendants("nvram").Single().Value);
        Assert.Equal("11111111-2222-3333-4444-555555555555", _original.Element("uuid")!.Value);
    }

    [Fact]
    public async Task Secrets_are_in_the_definition_and_not_in_the_XML()
    {
        var link = await OpenNodeAsync();
        var vm = await link.SendAsync(new DefineVM(new VMSpec { Xml = Master }), Deadline);

        Assert.Contains("secret", await link.SendAsync(new ReadDefinition(vm.Id), Deadline), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", await link.SendAsync(new ReadXml(vm.Id), Deadline), StringComparison.Ordinal);
    }

    private static XElement[] Devices(XElement domain, string kind) => [.. domain.Element("devices")!.Elements(kind)];

    private void Differ(Func<XElement, string?> value)
    {
        Assert.False(string.IsNullOrEmpty(value(_copy)));
        Assert.NotEqual(value(_original), value(_copy));
    }

    private async Task CopyAsync()
    {
        var link = await OpenNodeAsync();
        var master = await link.SendAsync(new DefineVM(new VMSpec { Xml = Master }), Deadline);
        var definition = await link.SendAsync(new ReadDefinition(master.Id), Deadline);
        var vm = await link.SendAsync(new DefineVM(new VMSpec { Name = "db", Xml = definition }), Deadline);
        _original = XElement.Parse(definition);
        _copy = XElement.Parse(await link.SendAsync(new ReadDefinition(vm.Id), Deadline));
    }
}
