using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Definitions of VMs that are changed as a whole, and in their words, on real hosts of both generations.</summary>
public sealed class DefinitionTests(RealLab lab) : LabTest(lab)
{
    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public static TheoryData<string> Hosts => ["k1", "k2"];

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_VM_that_runs_has_a_title_and_a_description_as_virsh_shows_them(string host)
    {
        var vm = await CreateXmlAsync(Host(host), await Lab.XmlAsync("told", "idle"));
        try
        {
            var (_, before) = await new VMSettings { Title = "Shop's <db>", Description = "one\ntwo" }.ApplyAsync(vm, _token);
            Assert.Equal("Shop's <db>", (await VirshAsync(host, "desc", "told", "--title")).Trim());
            Assert.Equal("one\ntwo", (await VirshAsync(host, "desc", "told", "--config")).Trim());
            var read = DomainDefinition.Parse(await Host(host).Link.SendAsync(new ReadXml(vm.Id), _token));
            Assert.Equal(new VMTexts("Shop's <db>", "one\ntwo"), VMTexts.Of(read));
            await before.ApplyAsync(vm, _token);
            await before.ApplyAsync(vm, _token); // what is not there is taken away too
            Assert.Equal(
                new VMTexts(), VMTexts.Of(DomainDefinition.Parse(await Host(host).Link.SendAsync(new ReadXml(vm.Id), _token))));
        }
        finally
        {
            await RemoveAllVMsAsync();
        }
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_definition_is_replaced_as_virsh_edit_does_it_and_put_back(string host)
    {
        var xml = (await Lab.XmlAsync("edited", "idle")).Replace(
            "</devices>", "<graphics type='vnc' autoport='yes' passwd='hunter2'/></devices>", StringComparison.Ordinal);
        var vm = await CreateXmlAsync(Host(host), xml, start: false);
        try
        {
            var raw = await Host(host).Link.SendAsync(new ReadXml(vm.Id), _token);
            Assert.DoesNotContain("hunter2", raw, StringComparison.Ordinal);
            var edited = DomainDefinition.Parse(raw);
            edited.SetElementValue("vcpu", 3);
            edited.Element("metadata")?.Remove();
            var before = await DumpAsync(host);
            var redefined = await VMRedefinition.MakeAsync(vm, edited.ToString(), _token);
            Assert.Equal(3, redefined.VM.CpuCount);
            var after = DomainDefinition.Parse(await DumpAsync(host));
            Assert.Equal("hunter2", (string?)after.Element("devices")!.Element("graphics")!.Attribute("passwd"));
            Assert.Equal( // the marks stay: the VM is known to be ours
                DomainDefinition.Parse(before).Element("metadata")!.Elements().Count(), after.Element("metadata")!.Elements().Count());

            // What libvirt does not know, or is somebody else's, changes nothing.
            foreach (var wrong in new[]
                {
                    edited.ToString().Replace("</devices>", "<flux/></devices>", StringComparison.Ordinal),
                    edited.ToString().Replace("<name>edited<", "<name>other<", StringComparison.Ordinal),
                })
            {
                Assert.Equal(
                    HypervisorError.InvalidSpecification,
                    (await Assert.ThrowsAsync<HypervisorException>(() => VMRedefinition.MakeAsync(vm, wrong, _token))).Error);
            }

            Assert.Equal(after.ToString(), DomainDefinition.Parse(await DumpAsync(host)).ToString());
            await redefined.UndoAsync(movedTo: null);
            Assert.Equal(before, await DumpAsync(host));

            // Somebody else was there: neither a change nor its undoing takes that away.
            var read = await Host(host).Link.SendAsync(new ReadDefinition(vm.Id), _token);
            redefined = await VMRedefinition.MakeAsync(vm, edited.ToString(), _token);
            await VirshAsync(host, "desc", "edited", "--config", "--title", "theirs");
            await Assert.ThrowsAsync<HypervisorException>(() => redefined.UndoAsync(movedTo: null));
            Assert.Equal(
                HypervisorError.InvalidState,
                (await Assert.ThrowsAsync<HypervisorException>(
                    () => Host(host).Link.SendAsync(new RedefineVM(vm.Id, edited.ToString(), read), _token).AsTask())).Error);
            Assert.Contains("<title>theirs</title>", await DumpAsync(host), StringComparison.Ordinal);
        }
        finally
        {
            await RemoveAllVMsAsync();
        }

        Task<string> DumpAsync(string on) => VirshAsync(on, "dumpxml", "edited", "--inactive", "--security-info");
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_VM_that_runs_has_another_definition_from_its_next_start_on(string host)
    {
        var vm = await CreateXmlAsync(Host(host), await Lab.XmlAsync("edited", "idle"));
        try
        {
            var edited = DomainDefinition.Parse(await Host(host).Link.SendAsync(new ReadXml(vm.Id), _token));
            edited.SetElementValue("vcpu", 2);
            var redefined = await VMRedefinition.MakeAsync(vm, edited.ToString(), _token);
            Assert.Equal(vm.CpuCount, redefined.VM.CpuCount);
            Assert.Equal(
                "2", (await VirshAsync(host, "vcpucount", "edited", "--config", "--maximum")).Trim());
            await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, _token);
            Assert.Equal(2, (await VMActions.StartAsync(vm, paused: false, _token)).CpuCount);
        }
        finally
        {
            await RemoveAllVMsAsync();
        }
    }

    private Task<string> VirshAsync(string host, params string[] arguments) =>
        Lab.ExecuteAsync(host, ["virsh", "-q", .. arguments]);
}
