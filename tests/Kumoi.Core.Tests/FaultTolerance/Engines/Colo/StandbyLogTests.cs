using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines.Colo;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.Colo;

public sealed class StandbyLogTests : IDisposable
{
    private static readonly XNamespace Qemu = "http://libvirt.org/schemas/domain/qemu/1.0";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-log-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_standby_writes_its_own_log_and_none_of_what_it_was_a_standby_of()
    {
        var log = new StandbyLog("/srv/pair");
        var domain = Domain("serial0");
        log.AddTo(domain, 0, "/srv/pair/console-ck0.sock");
        log.AddTo(domain, 1, "/srv/pair/console-ck0.sock");

        Assert.Equal(
            [
                "-incoming", "defer", "-set", "chardev.charserial0.logfile=/srv/pair/console-ck1.log", "-set",
                "chardev.charserial0.logappend=off",
            ],
            domain.Element(Qemu + "commandline")!.Elements().Select(static argument => (string?)argument.Attribute("value")));
    }

    [Fact]
    public void A_VM_without_a_console_has_no_log()
    {
        var domain = Domain("serial0");
        new StandbyLog("/srv/pair").AddTo(domain, 0, "/srv/pair/another.sock");
        Assert.Equal(2, domain.Element(Qemu + "commandline")!.Elements().Count());
        Assert.Equal(0, new StandbyLog(_folder.FullName).LengthOf(0));
        Assert.Empty(new StandbyLog(_folder.FullName).Read(0, 0));
    }

    [Fact]
    public void What_was_put_out_is_read_from_any_position()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "console-ck2.log"), "BOOT\r\nC0000");
        var log = new StandbyLog(_folder.FullName);
        Assert.Equal(11, log.LengthOf(2));
        Assert.Equal("C0000"u8.ToArray(), log.Read(2, 6));
        Assert.Empty(log.Read(2, 11));
    }

    private static XElement Domain(string alias) => XElement.Parse(
        $"""
        <domain xmlns:qemu='{Qemu.NamespaceName}'>
          <devices>
            <serial type='unix'><source mode='connect' path='/srv/pair/console-ck0.sock'/><alias name='{alias}'/></serial>
            <console type='unix'><source mode='connect' path='/srv/pair/console-ck0.sock'/><alias name='{alias}'/></console>
          </devices>
          <qemu:commandline><qemu:arg value='-incoming'/><qemu:arg value='defer'/></qemu:commandline>
        </domain>
        """);
}
