using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Journal;
using Kumoi.Journal.Sqlite;
using Kumoi.Speculation;
using Kumoi.Speculation.Repair;
using Xunit;

namespace Kumoi.Tests.Speculation.Repair;

public sealed class ConflictSearchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kumoi-conflicts").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Nothing_wrong_is_nothing_found()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=3&vms=2&seed=7");
        Assert.Empty(await FindAsync(lab));
    }

    [Fact]
    public async Task A_VM_that_was_moved_while_it_was_looked_for_is_not_there_twice()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0&seed=7");
        var here = await MakeAsync(lab, "kvm01", "web", start: true);
        await MakeAsync(lab, "kvm02", "web", start: true);
        Assert.Equal([ConflictKind.RunsTwice], (await FindAsync(lab)).Select(conflict => conflict.Kind));

        // Gone by the second look, as a VM that was moved is.
        var reads = 0;
        lab.Faults.Add(new FaultRule
        {
            HostPattern = "kvm01",
            HostMatches = host =>
            {
                if (host is "kvm01" && ++reads == 5)
                {
                    lab.Simulated("kvm01").Find(here.Id)!.ChangeState(PowerState.Shutoff, lab.Time.GetUtcNow());
                }

                return false;
            },
            Operation = FaultOperation.Read,
        });
        Assert.Empty(await FindAsync(lab));
        Assert.True(reads >= 5);
    }

    [Fact]
    public async Task Marks_are_told_unless_their_operation_is_under_way()
    {
        await using var journal = new SqliteJournal(_folder, TimeProvider.System);
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0&seed=7");
        var vm = await MakeAsync(lab, "kvm01", "web", start: true);
        var operation = OperationId.New();
        await vm.Connection.Link.SendAsync(
            new MarkVM(vm.Id, new SpeculationMark(operation, IsStart: false, "kvm01", ["kvm02"], "")), default);
        var found = Assert.Single(await FindAsync(lab, journal));
        Assert.Equal((ConflictKind.LeftMark, operation.Value, vm.Id), (found.Kind, found.OperationId!.Value, found.VMId!.Value));
        Assert.Contains("does not know", found.Message, StringComparison.Ordinal);
        Assert.Single(await FindAsync(lab, journal: null));

        var intent = new OperationIntent
        {
            Id = operation.Value,
            Kind = OperationKind.SpeculativeMigrate,
            VMHost = "kvm01",
            IsSimulated = false,
            VMId = vm.Id,
            StartedAt = DateTimeOffset.UtcNow
        };
        var sequence = await journal.BeginAsync(intent, default);
        using (OperationsUnderWay.Enter(operation))
        {
            Assert.Empty(await FindAsync(lab, journal));
        }

        // Its process is this one, which does not work on it any more.
        Assert.Contains("nobody works on", Assert.Single(await FindAsync(lab, journal)).Message, StringComparison.Ordinal);
        await journal.EndAsync(sequence, operation.Value, new OperationOutcome(OperationState.Failed, DateTimeOffset.UtcNow, "x"), default);
        Assert.Contains("has ended (Failed)", Assert.Single(await FindAsync(lab, journal)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_cannot_be_read_is_told_and_the_others_are_searched()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=3&vms=0&seed=7");
        await MakeAsync(lab, "kvm01", "web", start: true);
        await MakeAsync(lab, "kvm02", "web", start: true);
        lab.Break("kvm03", FaultOperation.Read);
        var search = new ConflictSearch(lab.Fleet, journal: null, lab.Time);
        var found = await search.FindAsync(lab.Fleet.Hosts, 8, default);
        Assert.Equal([ConflictKind.NotRead, ConflictKind.RunsTwice], found.Select(conflict => conflict.Kind));
        Assert.Equal("kvm03", Assert.Single(search.Unread).Host.Name);
    }

    [Theory]
    [InlineData("<source file='/img/x'/>", "/img/x:w")]
    [InlineData("<source dev='/dev/sdb'/>", "/dev/sdb:w")]
    [InlineData("<source file='/img/x'/><mirror type='file' job='copy'><source file='/img/copy'/></mirror>", "/img/x:w /img/copy:w")]
    [InlineData("<source file='/img/x'/><backingStore type='file'><source file='/img/y'/><backingStore type='file'><source "
        + "file='/img/z'/></backingStore></backingStore>", "/img/x:w /img/y:r /img/z:r")]
    [InlineData("<source pool='nfs' volume='v'/>", "/shared/v:w")]
    [InlineData("<source pool='ceph' volume='v'/>", "ceph/v:w")]
    [InlineData("<source pool='local' volume='v'/>", "/images/v:w")]
    [InlineData("<source pool='gone' volume='v'/>", "gone/v:w")]
    [InlineData("<source protocol='rbd' name='p/v'><host name='m1'/></source>", "rbd:p/v:w")]
    [InlineData("<source file='/img/x'/><readonly/>", "")]
    [InlineData("<source file='/img/x'/><shareable/>", "")]
    [InlineData("", "")]
    public async Task All_images_of_a_VM_are_looked_at(string disk, string expected)
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=1&seed=7");
        StoragePoolReading[] pools =
            [new("nfs", "netfs", "/shared", "nas|/x"), new("ceph", "rbd", null, "m1|p"), new("local", "dir", "/images", "")];
        var domain = XElement.Parse(
            $"<domain><devices><disk type='file' device='disk'>{disk}<target dev='vda'/></disk></devices></domain>");
        var uses = await UsesAsync("kvm01");
        Assert.Equal(expected, string.Join(' ', uses.Select(use => $"{use.Path}:{(use.Writes ? 'w' : 'r')}")));

        // On another host it is the same image only where it comes from the network.
        var isShared = expected.StartsWith("/shared", StringComparison.Ordinal) || expected.StartsWith("ceph", StringComparison.Ordinal)
            || expected.StartsWith("rbd", StringComparison.Ordinal);
        Assert.All((await UsesAsync("kvm02")).Zip(uses), pair => Assert.Equal(isShared, pair.First.Image == pair.Second.Image));

        async Task<List<DiskUse>> UsesAsync(string host) =>
            [.. DiskUse.Of(new KumoiVM(lab.Host(host), (await lab.VMsAsync(host))[0]), domain, pools)];
    }

    private static async Task<IReadOnlyList<KumoiConflict>> FindAsync(LabFleet lab, IJournal? journal = null) =>
        await new ConflictSearch(lab.Fleet, journal, lab.Time).FindAsync(lab.Fleet.Hosts, 8, default);

    private static Task<KumoiVM> MakeAsync(LabFleet lab, string host, string name, bool start) => VMActions.CreateAsync(
        lab.Host(host), new VMSpec
        {
            Xml = $"<domain><name>{name}</name><uuid>00000000-0000-4000-8000-000000000001</uuid><memory unit='MiB'>64</memory></domain>"
        },
        start, keepFailed: false, OperationId.New(), default);
}
