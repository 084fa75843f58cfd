using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// A connection that is lost after each of the answers that a call waits for: what was read is whole or an error, and of a change it is
/// said that it was made, that it was not, or that nobody knows, but never what is not so.
/// </summary>
public sealed class CutConnectionTests(RealLab lab) : LabTest(lab)
{
    private const string Pool = "default";
    private const string VM = "cut";
    private const string Image = "cut.qcow2";
    private const string Mac = "52:54:00:77:01:02";
    private const long MiB = 1L << 20;
    private const int Most = 400; // answers of one call

    // They mark files that are made, whose names are compared.
    private static readonly OperationId Earlier = OperationId.New();
    private static readonly OperationId Operation = OperationId.New();

    private static readonly Guid Id = new("3d0a0a5c-7a86-4c4a-9b55-7c8a5f3f0001");

    private static readonly DiskAddition NewDisk = new() { NewVolumeBytes = MiB, VolumeName = "cut-more", Format = "raw" };

    private static readonly NetworkSpec Network = new() { Name = "cut", Address = "10.5.7.1/24" };

    /// <summary>What arranges a host for a call, and gives that call.</summary>
    private delegate Task<Func<IHypervisorLink, Task<string>>> Arrange(CutConnectionTests test, string host);

    private static readonly Dictionary<string, Arrange> Reads = new(StringComparer.Ordinal)
    {
        ["ReadVMs"] = Reading(static () => new ReadVMs(), static vms => Lines(vms, TellVM)),
        ["FindVM"] = Reading(static () => new FindVM(Id), static vm => TellVM(vm!)),
        ["ReadDisks"] = Reading(static () => new ReadDisks(Id), static disks => Lines(disks, TellDisk)),
        ["ReadAdapters"] = Reading(
            static () => new ReadAdapters(Id, AddressSources.Host), static cards => Lines(cards, static card => card.MacAddress)),
        ["ReadSnapshots"] = Reading(
            static () => new ReadSnapshots(Id), static all => Lines(all, static one => $"{one.Name} {one.IsCurrent}")),
        ["FindHostBoundState"] = Reading(static () => new FindHostBoundState(Id), static state => state ?? "none"),
        ["ReadStorage"] = Reading(static () => new ReadStorage(), static pools => Lines(pools, TellPool)),
        ["ReadVolumes"] = Reading(static () => new ReadVolumes(Pool), static all => Lines(all, TellVolume)),
        ["ReadPools"] = Reading(static () => new ReadPools(), static pools => Lines(pools, static pool => pool.Name)),
        ["ReadNetworks"] = Reading(static () => new ReadNetworks(), static all => Lines(all, TellNetwork)),
        ["ReadNetworkFilters"] = Reading(static () => new ReadNetworkFilters(), static all => Lines(all, static one => one.Name)),
    };

    private static readonly Dictionary<string, Arrange> Changes = new(StringComparer.Ordinal)
    {
        ["StartVM"] = Changing(Off, static () => new StartVM(Id, Paused: false)),
        ["DescribeVM"] = Changing(Off, static () => new DescribeVM(Id, "Shop", "of the shop")),
        ["RenameVM"] = Changing(Off, static () => new RenameVM(Id, "cut2")),
        ["SetAutostart"] = Changing(Off, static () => new SetAutostart(Id, IsOn: true)),
        ["ResizeVM"] = Changing(Off, static () => new ResizeVM(Id, 2, 48 * MiB) { MaxCpuCount = 4 }),
        ["AddDisk"] = Changing(Off, static () => new AddDisk(Id, NewDisk)),
        ["RemoveDisk"] = Changing(Off, test => new RemoveDisk(Id, "vdb", test.PathOf(Image), DeleteVolume: true)),
        ["SetDisk"] = Changing(
            Off,
            test => new SetDisk(Id, "vdb", test.PathOf(Image), new DiskSettings { Cache = DiskCache.None, BytesPerSecond = MiB })),
        ["ResizeDisk"] = Changing(Off, test => new ResizeDisk(Id, "vdb", test.PathOf(Image), 3 * MiB)),
        ["AddAdapter"] = Changing(Off, static () => new AddAdapter(Id, Mac, new AdapterSettings { Bridge = "guests" }, "virtio")),
        ["SetAdapter"] = Changing(WithAdapter, static () => new SetAdapter(Id, Mac, new AdapterSettings { IsConnected = false })),
        ["RemoveAdapter"] = Changing(WithAdapter, static () => new RemoveAdapter(Id, Mac)),
        ["RedefineVM"] = Changing(Off, static test => new RedefineVM(
            Id, test._definition.Replace("<on_crash>destroy", "<on_crash>restart", StringComparison.Ordinal), test._definition)),
        ["SwitchDisk"] = Changing(
            OffWithTarget,
            static test => new SwitchDisk(Id, "vdb", test.PathOf(Image), test.PathOf("cut-target"), "qcow2")
            {
                ModifiedAt = test._modifiedAt,
            }),
        ["RenameSnapshot"] = Changing(WithExternal, static test => new RenameSnapshot(Id, test._snapshot, "two")),
        ["RestoreSnapshot"] = Changing(WithSnapshot, static test => new RestoreSnapshot(Id, test._snapshot, Starts: false)),
        ["RestoreSnapshot, external"] = Changing(
            WithExternal, static test => new RestoreSnapshot(Id, test._snapshot, Starts: false) { Operation = Operation }),
        ["RemoveSnapshot"] = Changing(WithSnapshot, static test => new RemoveSnapshot(Id, test._snapshot)),
        ["RemoveSnapshot, external"] = Changing(WithExternal, static test => new RemoveSnapshot(Id, test._snapshot)),
        ["UndefineVM"] = Changing(Off, static () => new UndefineVM(Id, RemoveVolumes: true)),
        ["CreateSnapshot"] = Changing(Off, static () => new CreateSnapshot(Id, "one", "") { Operation = Operation }),
        ["DefineVM"] = Changing(Nothing, static () => new DefineVM(new VMSpec
        {
            Name = VM,
            Id = Id,
            MemoryBytes = 32 * MiB,
            IsAutostart = true,
            Disks = [new DiskSpec { NewVolumeBytes = MiB, Format = "raw" }, new DiskSpec { NewVolumeBytes = MiB, Format = "qcow2" }],
        })),
        ["DefineVM, copied"] = Changing(Off, static test => new DefineVM(new VMSpec
        {
            Xml = test._definition.Replace("<name>cut", "<name>cut-copy", StringComparison.Ordinal)
                .Replace("0001</uuid>", "0002</uuid>", StringComparison.Ordinal),
            CopyDisks = true,
        })),
        ["DiscardSavedState"] = Changing(Saved, static () => new DiscardSavedState(Id)),
        ["CreateVolume"] = Changing(Nothing, static () => new CreateVolume(Pool, "cut-more", "qcow2", MiB)),
        ["ResizeVolume"] = Changing(Volume, static () => new ResizeVolume(Pool, Image, 3 * MiB)),
        ["RemoveVolume"] = Changing(Volume, static () => new RemoveVolume(Pool, Image)),
        ["CopyVolume"] = Changing(Volume, static () => new CopyVolume(Pool, Image, Pool, "cut-copy") { SourceFormat = "qcow2" }),
        ["DestroyVM"] = Changing(Running, static () => new DestroyVM(Id)),
        ["SuspendVM"] = Changing(Running, static () => new SuspendVM(Id)),
        ["SaveVM"] = Changing(Running, static () => new SaveVM(Id)),
        ["ResumeVM"] = Changing(Suspended, static () => new ResumeVM(Id)),
        ["AddDisk, running"] = Changing(Running, static () => new AddDisk(Id, NewDisk)),
        ["SwitchDisk, running"] = Changing(
            WithTarget, test => new SwitchDisk(Id, "vdb", test.PathOf(Image), test.PathOf("cut-target"), "qcow2")),
        ["CreateSnapshot, running"] = Changing(Running, static () => new CreateSnapshot(Id, "one", "") { Operation = Operation }),
        ["CreatePool"] = Changing(Nothing, test => new CreatePool(new PoolSpec { Name = "cut", Path = test.PathOf("cut-pool") })),
        ["StartPool"] = Changing(WithStoppedPool, static test => new StartPool(test._made, "cut")),
        ["StopPool"] = Changing(WithPool, static test => new StopPool(test._made, "cut")),
        ["RemovePool"] = Changing(WithPool, static test => new RemovePool(test._made, "cut")),
        ["SetPoolAutostart"] = Changing(WithPool, static test => new SetPoolAutostart(test._made, "cut", IsOn: false)),
        ["CreateNetwork"] = Changing(Nothing, static () => new CreateNetwork(Network)),
        ["StopNetwork"] = Changing(WithNetwork, static test => new StopNetwork(test._made, "cut")),
        ["RemoveNetwork"] = Changing(WithNetwork, static test => new RemoveNetwork(test._made, "cut")),
    };

    private readonly CancellationToken _token = TestContext.Current.CancellationToken;
    private Guid _made;
    private SnapshotKey _snapshot = null!;
    private string _definition = "";
    private string? _modifiedAt;

    public static TheoryData<string, string> OfReads =>
        [.. from name in Reads.Keys from host in (string[])["k1", "k2"] select (name, host)];

    /// <summary>
    /// In turn on an older and a newer host. The older ones of the lab have no firewall, without which they start no network.
    /// </summary>
    public static TheoryData<string, string> OfChanges =>
    [
        .. Changes.Keys.Select(static (name, index) =>
            (name, index % 2 == 0 && !name.EndsWith("Network", StringComparison.Ordinal) ? "k1" : "k2")),
    ];

    /// <summary>Whoever closes one that has just been lost may find that libvirt itself still has it.</summary>
    protected override bool LosesConnections => true;

    [Theory]
    [MemberData(nameof(OfReads))]
    public async Task What_is_read_is_whole_or_an_error(string name, string host)
    {
        await ClearAsync(host);
        var call = await Reads[name](this, host);
        var whole = await call(Host(host).Link);
        for (var answers = 0; answers < Most; answers++)
        {
            await using var cutter = new AnswerCutter(Lab.Address, Lab.Host(host));
            var (answer, failure) = await TryAsync(call, cutter, answers);
            Assert.True(failure is not null || answer == whole, $"after {answers} answers: {answer}");
            if (!cutter.HasCut)
            {
                Assert.Null(failure);
                await ClearAsync(host);
                return;
            }
        }

        Assert.Fail("It has no end.");
    }

    [Theory]
    [MemberData(nameof(OfChanges))]
    public async Task Of_a_change_nothing_is_said_that_is_not_so(string name, string host)
    {
        await ClearAsync(host);
        var call = await Changes[name](this, host);
        var before = await LookAsync(host);
        await call(Host(host).Link);
        var after = await LookAsync(host);
        Assert.NotEqual(before, after);
        var unknown = 0;
        var isArranged = false;
        for (var answers = 0; answers < Most; answers++)
        {
            if (!isArranged)
            {
                await ClearAsync(host);
                call = await Changes[name](this, host);
            }

            await using var cutter = new AnswerCutter(Lab.Address, Lab.Host(host));
            var (_, failure) = await TryAsync(call, cutter, answers);
            unknown += failure is { OutcomeUnknown: true } ? 1 : 0;
            isArranged = failure is { OutcomeUnknown: false };
            if (failure is not { OutcomeUnknown: true })
            {
                var now = await LookAsync(host);
                Assert.True(
                    now == (failure is null ? after : before),
                    $"after {answers} answers it is said: {failure?.Message ?? "it was made"}, but there is\n{now}, and was\n{before}");
            }

            if (!cutter.HasCut)
            {
                Assert.Null(failure);
                Assert.NotEqual(0, unknown);
                await ClearAsync(host);
                return;
            }
        }

        Assert.Fail("It has no end.");
    }

    private static Arrange Reading<T>(Func<HostCall<T>> call, Func<T, string> tell) => async (test, host) =>
    {
        await Off(test, host);
        await WithPool(test, host);
        await test.SendAsync(host, new CreateSnapshot(Id, "one", ""));
        await test.SendAsync(host, new CreateSnapshot(Id, "two", ""));
        return async link => tell(await link.SendAsync(call(), test._token));
    };

    private static Arrange Changing<T>(Func<CutConnectionTests, string, Task> arrange, Func<HostCall<T>> call) =>
        Changing(arrange, _ => call());

    private static Arrange Changing<T>(Func<CutConnectionTests, string, Task> arrange, Func<CutConnectionTests, HostCall<T>> call) =>
        async (test, host) =>
        {
            await arrange(test, host);
            return async link => (await link.SendAsync(call(test), test._token))?.ToString() ?? "";
        };

    private static Task Nothing(CutConnectionTests test, string host) => Task.CompletedTask;

    private static Task Volume(CutConnectionTests test, string host) => test.SendAsync(host, new CreateVolume(Pool, Image, "qcow2", MiB));

    private static async Task Off(CutConnectionTests test, string host)
    {
        await Volume(test, host);
        await CreateXmlAsync(test.Host(host), await test.XmlAsync(), start: false);
        test._definition = await test.SendAsync(host, new ReadDefinition(Id));
    }

    private static async Task WithAdapter(CutConnectionTests test, string host)
    {
        await Off(test, host);
        await test.SendAsync(host, new AddAdapter(Id, Mac, new AdapterSettings { Bridge = "guests" }, "virtio"));
    }

    private static async Task OffWithTarget(CutConnectionTests test, string host)
    {
        await Off(test, host);
        await test.SendAsync(host, new CreateVolume(Pool, "cut-target", "qcow2", MiB));
        test._modifiedAt = (await test.SendAsync(host, new ReadVolumes(Pool))).Single(static one => one.Name == Image).ModifiedAt;
    }

    private static async Task WithSnapshot(CutConnectionTests test, string host)
    {
        await Off(test, host);
        test._snapshot = (await test.SendAsync(host, new CreateSnapshot(Id, "one", ""))).Key;
        await test.SendAsync(host, new SetAutostart(Id, IsOn: true));
    }

    private static async Task WithExternal(CutConnectionTests test, string host)
    {
        await Running(test, host);
        test._snapshot = (await test.SendAsync(host, new CreateSnapshot(Id, "one", "") { Operation = Earlier })).Key;
    }

    private static async Task Saved(CutConnectionTests test, string host)
    {
        await Running(test, host);
        await test.SendAsync(host, new SaveVM(Id));
    }

    private static async Task Suspended(CutConnectionTests test, string host)
    {
        await Running(test, host);
        await test.SendAsync(host, new SuspendVM(Id));
    }

    private static async Task Running(CutConnectionTests test, string host)
    {
        await Off(test, host);
        await test.SendAsync(host, new StartVM(Id, Paused: false));
    }

    private static async Task WithTarget(CutConnectionTests test, string host)
    {
        await Running(test, host);
        await test.SendAsync(host, new CreateVolume(Pool, "cut-target", "qcow2", MiB));
    }

    private static async Task WithPool(CutConnectionTests test, string host) =>
        test._made = (await test.SendAsync(host, new CreatePool(new PoolSpec { Name = "cut", Path = test.PathOf("cut-pool") }))).Id;

    private static async Task WithStoppedPool(CutConnectionTests test, string host)
    {
        await WithPool(test, host);
        await test.SendAsync(host, new StopPool(test._made, "cut"));
    }

    private static async Task WithNetwork(CutConnectionTests test, string host) =>
        test._made = (await test.SendAsync(host, new CreateNetwork(Network))).Id;

    private static string TellVM(VMReading vm) =>
        $"{vm.Name} {vm.State} {vm.HasSavedState} {vm.IsPersistent} {vm.IsAutostart} {vm.MemoryBytes}";

    private static string TellDisk(DiskReading disk) => $"{disk.Target} {disk.Path} {disk.CapacityBytes}";

    private static string TellPool(PoolReading pool) => $"{pool.Name} {pool.IsActive} {pool.IsAutostart}";

    private static string TellVolume(VolumeReading volume) => $"{volume.Name} {volume.CapacityBytes}";

    private static string TellNetwork(NetworkReading network) => $"{network.Name} {network.IsActive} {network.IsAutostart}";

    private static string Lines<T>(IEnumerable<T> all, Func<T, string> tell) =>
        string.Join('\n', all.Select(tell).Order(StringComparer.Ordinal));

    /// <summary>By a link of its own, through a connection that ends after so many answers.</summary>
    private async Task<(string? Answer, HypervisorException? Failure)> TryAsync(
        Func<IHypervisorLink, Task<string>> call, AnswerCutter cutter, int answers)
    {
        var link = await new LibvirtDriver().OpenAsync(new HostAddress(cutter.Uri, "cut"), _token);
        try
        {
            cutter.CutAfter(answers);
            return (await call(link), null);
        }
        catch (HypervisorException e)
        {
            return (null, e);
        }
        finally
        {
            await link.DisposeAsync();
        }
    }

    /// <summary>All that calls here can change.</summary>
    private async Task<string> LookAsync(string host)
    {
        List<string> seen = [];
        foreach (var vm in await SendAsync(host, new ReadVMs()))
        {
            var now = DomainDefinition.Parse(await SendAsync(host, new ReadXml(vm.Id)));
            var definition = DomainDefinition.Parse(await SendAsync(host, new ReadDefinition(vm.Id)));
            definition.Element("metadata")?.Remove();
            seen.Add($"{vm.Name} {vm.State} {vm.HasSavedState} {vm.IsAutostart}, {now.Descendants("mirror").Count()} copied, {definition}");
            seen.Add(Lines(await SendAsync(host, new ReadDisks(vm.Id)), TellDisk));
            seen.Add(Lines(await SendAsync(host, new ReadSnapshots(vm.Id)), static one => one.Name));
        }

        foreach (var pool in (await SendAsync(host, new ReadStorage())).OrderBy(static pool => pool.Name, StringComparer.Ordinal))
        {
            seen.Add(TellPool(pool));
            seen.Add(!pool.IsActive ? "" : Lines(
                (await SendAsync(host, new ReadVolumes(pool.Name))).Where(static one => one.Name.StartsWith(VM, StringComparison.Ordinal)),
                TellVolume));
        }

        seen.Add(Lines(await SendAsync(host, new ReadNetworks()), TellNetwork));
        return string.Join('\n', seen);
    }

    private async Task ClearAsync(string host)
    {
        foreach (var vm in await VMsAsync(host))
        {
            await VMActions.RemoveAsync(new KumoiVM(Host(host), vm), turnOff: true, removeVolumes: false, _token);
        }

        foreach (var network in (await SendAsync(host, new ReadNetworks())).Where(static one => one.Name == VM))
        {
            await SendAsync(host, new RemoveNetwork(network.Id, network.Name));
        }

        foreach (var pool in (await SendAsync(host, new ReadStorage())).Where(static one => one.Name == VM))
        {
            await SendAsync(host, new RemovePool(pool.Id, pool.Name));
        }

        await Lab.ExecuteAsync(host, "sh", "-c", $"rm -rf {PathOf(VM)}*");
        await SendAsync(host, new ReadVolumes(Pool)); // has the host look
    }

    private string PathOf(string name) => $"{Lab.HostImages}/{name}";

    private async Task<string> XmlAsync() => (await Lab.XmlAsync(VM, "idle"))
        .Replace("</name>", $"</name><uuid>{Id}</uuid>", StringComparison.Ordinal)
        .Replace("</os>", "</os><features><acpi/></features>", StringComparison.Ordinal)
        .Replace(
            "</devices>",
            $"<disk type='file'><driver name='qemu' type='qcow2'/><source file='{PathOf(Image)}'/><target dev='vdb' bus='virtio'/></disk>"
                + "</devices>",
            StringComparison.Ordinal);

    private Task<T> SendAsync<T>(string host, HostCall<T> call) => Host(host).Link.SendAsync(call, _token).AsTask();
}
