using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// What virsh does with the same input: two VMs that are the same, one of which gets each change from Kumoi and the other one from virsh,
/// are the same after each, on real hosts of both generations.
/// </summary>
public sealed class VirshTests(RealLab lab) : LabTest(lab)
{
    private const string OurMac = "52:54:00:0a:00:01";
    private const string TheirMac = "52:54:00:0a:00:02";
    private const string Bridge = "guests"; // that of the lab's Linux guest
    private const long MiB = 1L << 20;

    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public static TheoryData<string> Hosts => ["k1", "k2"];

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Twenty_changes_have_the_same_effect_as_those_of_virsh(string host)
    {
        const string drive = "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk></devices>";
        var ours = await CreateXmlAsync(
            Host(host), (await Lab.XmlAsync("ours", "idle")).Replace("</devices>", drive, StringComparison.Ordinal), start: false);
        await CreateXmlAsync(
            Host(host), (await Lab.XmlAsync("theirs", "idle")).Replace("</devices>", drive, StringComparison.Ordinal), start: false);
        await Lab.ExecuteAsync(host, "truncate", "-s", "4M", Image("ours"), Image("theirs"), Image("disc"));
        try
        {
            var before = await SameAsync(host, []);
            var changes = 0;
            foreach (var (change, commands) in Changes(ours))
            {
                await change();
                var now = await SameAsync(host, commands);
                Assert.True(before != now, $"{commands[^1]} has changed nothing");
                (before, changes) = (now, changes + 1);
            }

            Assert.InRange(changes, 20, 100);
        }
        finally
        {
            await RemoveAllVMsAsync();
            await Lab.ExecuteAsync(host, "rm", "-f", Image("ours"), Image("theirs"), Image("disc"));
        }
    }

    private IEnumerable<(Func<Task> Ours, string[] Theirs)> Changes(KumoiVM vm)
    {
        yield return (() => SetAsync(vm, new VMSettings { CpuCount = 2, MaxCpuCount = 4 }),
            ["setvcpus theirs 4 --config --maximum", "setvcpus theirs 2 --config"]);
        yield return (() => SetAsync(vm, new VMSettings { MemoryBytes = 24 * MiB, MaxMemoryBytes = 64 * MiB }),
            ["setmaxmem theirs 64M --config", "setmem theirs 24M --config"]);
        yield return (() => SetAsync(vm, new VMSettings { Title = "Shop" }), ["desc theirs --config --title Shop"]);
        yield return (() => SetAsync(vm, new VMSettings { Description = "Ada's" }), ["desc theirs --config \"Ada's\""]);
        yield return (() => SetAsync(vm, new VMSettings { IsAutostart = true }), ["autostart theirs"]);
        yield return (() => SetAsync(vm, new VMSettings { IsAutostart = false }), ["autostart theirs --disable"]);

        yield return (() => VMDisks.AddAsync(vm, new DiskAddition { Path = Image("ours"), Format = "raw" }, _token),
            [$"attach-disk theirs {Image("theirs")} vda --driver qemu --subdriver raw --targetbus virtio --config"]);
        yield return (async () => await VMDisks.SetAsync(await DiskAsync(vm), new DiskSettings { ReadBytesPerSecond = MiB }, _token),
            ["blkdeviotune theirs vda --read-bytes-sec 1048576 --config"]);
        yield return (async () => await VMDisks.SetAsync(await DiskAsync(vm), new DiskSettings { ReadBytesPerSecond = 0 }, _token),
            ["blkdeviotune theirs vda --read-bytes-sec 0 --config"]);
        yield return (async () => await VMDisks.RemoveAsync(await DiskAsync(vm), deleteVolume: false, _token),
            ["detach-disk theirs vda --config"]);
        yield return (() => VMDisks.SetCdDriveAsync(vm, "hdc", Image("disc"), force: false, _token),
            [$"change-media theirs hdc {Image("disc")} --insert --config"]);
        yield return (() => VMDisks.SetCdDriveAsync(vm, "hdc", path: null, force: false, _token),
            ["change-media theirs hdc --eject --config"]);

        yield return (() => VMAdapters.AddAsync(vm, new AdapterSettings { Bridge = Bridge }, "virtio", OurMac, _token),
            [$"attach-interface theirs bridge {Bridge} --model virtio --mac {TheirMac} --config"]);
        yield return (() => SetAsync(vm, new AdapterSettings { IsConnected = false }), [$"domif-setlink theirs {TheirMac} down --config"]);
        yield return (() => SetAsync(vm, new AdapterSettings { IsConnected = true }), [$"domif-setlink theirs {TheirMac} up --config"]);
        yield return (() => SetAsync(vm, new AdapterSettings { InboundKiBPerSec = 2048 }),
            [$"domiftune theirs {TheirMac} --inbound 2048 --config"]);
        yield return (async () => await VMAdapters.RemoveAsync((await VMAdapters.ReadAsync(vm, _token)).Single(), _token),
            [$"detach-interface theirs bridge --mac {TheirMac} --config"]);

        yield return (() => VMActions.StartAsync(vm, paused: false, _token), ["start theirs"]);
        yield return (() => VMActions.SuspendAsync(vm, _token), ["suspend theirs"]);
        yield return (() => VMActions.ResumeAsync(vm, _token), ["resume theirs"]);
        yield return (() => VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, _token), ["destroy theirs"]);
    }

    private async Task SetAsync(KumoiVM vm, VMSettings settings) => await settings.ApplyAsync(vm, _token);

    private async Task SetAsync(KumoiVM vm, AdapterSettings settings) =>
        await VMAdapters.SetAsync((await VMAdapters.ReadAsync(vm, _token)).Single(), settings, _token);

    private async Task<KumoiDisk> DiskAsync(KumoiVM vm) =>
        (await VMDisks.ReadAsync(vm, _token)).Single(static disk => disk.Target == "vda");

    private string Image(string name) => $"{Lab.HostImages}/{name}.img";

    /// <summary>
    /// Does what virsh is to do. All that it shows of both then, but for what is their own, is the same. In one call: the lab's take long.
    /// </summary>
    private async Task<string> SameAsync(string host, IEnumerable<string> commands)
    {
        const string divider = "=====";
        var script = string.Concat(commands.Select(static command => $"virsh -q {command} >/dev/null || exit; "));
        var told = await Lab.ExecuteAsync(
            host, "sh", "-c",
            $"{script}for vm in ours theirs; do virsh -q dumpxml $vm --inactive --security-info; echo {divider}; "
                + $"virsh -q dominfo $vm | grep -E '^(State|Autostart)'; echo {divider}; done");
        var parts = told.Split(divider);
        var (ours, theirs) = (Bare(parts[0], parts[1], "ours"), Bare(parts[2], parts[3], "theirs"));
        Assert.Equal(theirs, ours);
        return theirs;
    }

    private static string Bare(string xml, string info, string vm)
    {
        var domain = XElement.Parse(xml);
        foreach (var own in (string[])["name", "uuid", "metadata"])
        {
            domain.Element(own)?.Remove();
        }

        return (domain + info).Replace(vm, "vm", StringComparison.Ordinal).Replace(OurMac, TheirMac, StringComparison.Ordinal);
    }
}
