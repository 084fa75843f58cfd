using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.FaultTolerance.Modes;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>The domain XML of VMs that are recorded, and of their replicas.</summary>
public sealed class ReplayDefinitionTests
{
    private static readonly XNamespace Qemu = "http://libvirt.org/schemas/domain/qemu/1.0";

    private readonly PairPlan _plan = new(Guid.NewGuid(), "/pairs/a,b", ["k1", "k2"], new PairGoals(null), []);

    [Fact]
    public void What_a_VM_is_recorded_to_is_read_from_its_definition_whatever_its_path_has()
    {
        var recorded = ReplayDefinition.Recorded(VM(), _plan, "/pairs/a,b/x.record", "/pairs/a,b/x.image.qcow2");

        Assert.Equal("/pairs/a,b/x.record", ReplayDefinition.RecordOf(recorded));
        Assert.True(ReplayDefinition.IsFromBoot(recorded, _plan));
        Assert.Null(ReplayDefinition.RecordOf(VM()));
    }

    [Fact]
    public void A_guest_sees_the_VMs_own_id_whichever_standby_it_is_because_it_carries_out_as_many_instructions_as_that_has_digits()
    {
        var recorded = ReplayDefinition.Recorded(VM(), _plan, "/r", "/i");
        var replica = ReplayDefinition.Replica(recorded, _plan, number: 0, "attempt", "/l", "/j");
        var live = ReplayDefinition.Successor(recorded, _plan, number: 1, "attempt", "/r2");

        Assert.Equal(PairDomains.Of(_plan.VM, 0).ToString("D"), (string?)replica.Element("uuid"));
        Assert.All([recorded, replica, live], domain => Assert.Equal(_plan.VM.ToString("D"), After(domain, "-uuid")));
    }

    [Fact]
    public void A_standby_has_its_own_arguments_and_none_of_the_VM_that_it_was_made_from_but_an_admins()
    {
        var recorded = ReplayDefinition.Recorded(VM("-debugcon", "null"), _plan, "/r", "/i");
        var live = ReplayDefinition.Successor(recorded, _plan, number: 0, "attempt", "/r2");
        var replica = ReplayDefinition.Replica(live, _plan, number: 1, "attempt", "/l", "/k");

        Assert.False(ReplayDefinition.IsFromBoot(live, _plan));
        Assert.Equal(0, ReplayDefinition.ServingOf(live, _plan));
        Assert.Equal(
            ["-debugcon", "null", "-icount", "shift=5,rr=replay,rrfile=/l,rrsnapshot=kumoi-begin", "-drive",
                "file=/k,format=qcow2,if=none,id=kumoi-replay", "-uuid", _plan.VM.ToString("D")],
            Arguments(replica));
    }

    [Fact]
    public void A_VM_that_is_made_of_a_recording_is_another_one_to_libvirt_and_the_same_to_its_guest_and_its_console_is_a_file_of_QEMUs()
    {
        var vm = VM();
        vm.Element("devices")!.Add(
            new XElement("interface"),
            new XElement(
                "serial", new XAttribute("type", "unix"), new XElement("source", new XAttribute("path", "/pairs/a,b/console.sock")),
                new XElement("alias", new XAttribute("name", "serial0"))));
        var boot = ReplayDefinition.Recorded(vm, _plan, "/r", "/i");
        boot.SetElementValue("uuid", _plan.VM.ToString("D"));
        var live = ReplayDefinition.Successor(boot, _plan, number: 0, "attempt", "/r2");
        var id = ReplayMark.NewId();
        var folder = "/pairs/a,b/recordings/x/" + ReplayMark.FolderNameOf(id);

        var restored = ReplayDefinition.Restored(live, id, "web1-replay", "/pairs/a,b/recordings/x/log", folder);

        Assert.True(ReplayMark.MayBeOf(id));
        Assert.Equal((id.ToString("D"), "web1-replay"), ((string?)restored.Element("uuid"), (string?)restored.Element("name")));
        Assert.Equal(_plan.VM.ToString("D"), After(restored, "-uuid"));
        Assert.Equal("shift=5,rr=replay,rrfile=/pairs/a,,b/recordings/x/log,rrsnapshot=kumoi-begin", After(restored, "-icount"));
        Assert.Equal(["backend=file", "path=" + folder + "/console.log"], Arguments(restored).Where(
            static argument => argument.StartsWith("chardev.charserial0.", StringComparison.Ordinal)).Select(static value => value[20..]));
        Assert.Empty(restored.Descendants("interface"));
        Assert.Empty(restored.Descendants("source"));
        Assert.Equal(folder, ReplayMark.FolderOf(restored));
        Assert.DoesNotContain("standby", restored.Element("metadata")!.ToString(), StringComparison.Ordinal);
        var fromBoot = ReplayDefinition.Restored(boot, id, "w", "/l", folder);
        Assert.DoesNotContain("rrsnapshot", After(fromBoot, "-icount"), StringComparison.Ordinal);

        restored.SetElementValue("uuid", Guid.NewGuid().ToString("D"));
        Assert.Null(ReplayMark.FolderOf(restored)); // a folder that is not this VM's is not removed with it
    }

    private static XElement VM(params string[] arguments) => new(
        "domain", new XAttribute("type", "qemu"), new XElement("name", "web1"), new XElement("uuid", Guid.NewGuid()),
        new XElement("devices"),
        new XElement(Qemu + "commandline", arguments.Select(static value => new XElement(Qemu + "arg", new XAttribute("value", value)))));

    private static List<string> Arguments(XElement domain) =>
        [.. domain.Elements(Qemu + "commandline").Elements().Select(static argument => (string)argument.Attribute("value")!)];

    private static string After(XElement domain, string name) => Arguments(domain)[Arguments(domain).IndexOf(name) + 1];
}
