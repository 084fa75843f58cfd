using System.Xml.Linq;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt;
using Xunit;
using Kind = Kumoi.Hypervisors.MigrationObstacleKind;

namespace Kumoi.Tests.Lab;

/// <summary>What the driver does with disks, saved states and hosts that lack something, on QEMU.</summary>
public sealed class DriverTests(RealLab lab) : LabTest(lab)
{
    private const long MiB = 1L << 20;

    protected override string? Obstacle => Lab.NetworkObstacle;

    protected override string UriOf(LabHost host) => host.TcpUri;

    [Fact]
    public async Task The_file_that_a_running_VMs_disk_is_built_on_stays()
    {
        List<string> warnings = [];
        var original = await VMActions.CreateAsync(
            Host("k1"),
            new VMSpec { Name = "base", MemoryBytes = 64 * MiB, Disks = [new DiskSpec { NewVolumeBytes = MiB, Format = "qcow2" }] },
            start: false, keepFailed: false, OperationId.New(), CancellationToken.None);
        var path = DomainCopy.ImageOf(DomainCopy.WritableDisks(
            DomainDefinition.Parse(await original.Connection.Link.SendAsync(new ReadXml(original.Id), CancellationToken.None))).Single())!;
        var clone = await VMActions.CreateAsync(
            Host("k1"),
            new VMSpec { Name = "clone", MemoryBytes = 64 * MiB, Disks = [new DiskSpec { TemplatePath = path, Format = "qcow2" }] },
            start: true, keepFailed: false, OperationId.New(), CancellationToken.None);

        using (CallWarnings.Listen(warnings.Add))
        {
            await VMActions.RemoveAsync(original, turnOff: true, removeVolumes: true, CancellationToken.None);
            Assert.Contains("'clone'", Assert.Single(warnings), StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(Lab.Host("k1").Images, "base-1")));

            // The last one takes its own disk along, and leaves what it is built on to whoever made that.
            await VMActions.RemoveAsync(clone, turnOff: true, removeVolumes: true, CancellationToken.None);
        }

        Assert.False(File.Exists(Path.Combine(Lab.Host("k1").Images, "clone-1")));
        File.Delete(Path.Combine(Lab.Host("k1").Images, "base-1"));
        await Lab.ExecuteAsync("k1", "virsh", "-q", "pool-refresh", "default");
    }

    [Theory]
    [InlineData("k1")]
    [InlineData("k2")]
    public async Task A_saved_state_is_seen_asked_for_and_gone_on_from(string host)
    {
        var vm = await CreateAsync(Host(host), "saved", "idle");
        await Lab.CountsOnAsync(host, "saved");
        var saved = await VMActions.SaveAsync(vm, CancellationToken.None);
        Assert.True(saved is { State: PowerState.Shutoff, HasSavedState: true });

        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.RemoveAsync(vm, turnOff: false, removeVolumes: false, CancellationToken.None));
        Assert.Equal((HypervisorError.InvalidState, FaultDomain.VM), (failure.Error, failure.FaultDomain));

        var counted = Lab.Counter(host, "saved") ?? 0;
        Assert.False((await VMActions.StartAsync(vm, paused: false, CancellationToken.None)).HasSavedState);
        await Lab.CountsOnAsync(host, "saved", counted);

        await Lab.ExecuteAsync(host, "virsh", "-q", "managedsave", "saved");
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: false, CancellationToken.None);
        Assert.Empty(await VMsAsync(host));
    }

    /// <summary>It may be done before it can be stopped; then it is saved.</summary>
    [Theory]
    [InlineData("k1")]
    [InlineData("k2")]
    public async Task Saving_that_is_cancelled_leaves_the_VM_running_or_saved_and_never_off(string host)
    {
        var vm = await CreateAsync(Host(host), "saved", "hot");
        await Lab.CountsOnAsync(host, "saved");
        using var cancelling = new CancellationTokenSource();
        var saving = VMActions.SaveAsync(vm, cancelling.Token);
        var file = Path.Combine(Lab.Host(host).Images, "../qemu/save/saved.save");
        await Eventually.HoldsAsync(() => saving.IsCompleted || File.Exists(file), "it is being saved");
        await cancelling.CancelAsync();
        var isStopped = await Record.ExceptionAsync(() => saving) is OperationCanceledException;

        var now = (await VMsAsync(host)).Single();
        Assert.Equal(isStopped ? (PowerState.Running, false) : (PowerState.Shutoff, true), (now.State, now.HasSavedState));
        if (!isStopped)
        {
            await VMActions.StartAsync(vm, paused: false, CancellationToken.None);
        }

        await Lab.CountsOnAsync(host, "saved");
    }

    /// <summary>libvirt tells the second one only that the guest has quit.</summary>
    [Theory]
    [InlineData("k1")]
    [InlineData("k2")]
    public async Task Of_two_who_save_a_VM_at_once_one_is_told_that_it_is_saved(string host)
    {
        var vm = await CreateAsync(Host(host), "saved", "hot");
        await Lab.CountsOnAsync(host, "saved");
        var saves = await Task.WhenAll(Enumerable.Range(0, 2).Select(
            _ => Record.ExceptionAsync(() => VMActions.SaveAsync(vm, CancellationToken.None)).AsTask()));
        var failure = Assert.IsType<HypervisorException>(Assert.Single(saves, static failure => failure is not null));
        Assert.Equal((HypervisorError.InvalidState, FaultDomain.VM, false), (failure.Error, failure.FaultDomain, failure.OutcomeUnknown));
        Assert.True((await VMsAsync(host)).Single() is { State: PowerState.Shutoff, HasSavedState: true });
    }

    [Theory]
    [InlineData("k1")]
    [InlineData("k2")]
    public async Task CPUs_and_memory_of_a_VM_that_runs_are_changed_within_what_it_can_have(string host)
    {
        var xml = (await Lab.XmlAsync("sized", "idle")).Replace("</os>", "</os><features><acpi/></features>", StringComparison.Ordinal)
            .Replace("<memballoon model='none'/>", "<memballoon model='virtio'/>", StringComparison.Ordinal);
        var vm = await CreateXmlAsync(Host(host), xml, start: false);
        await new VMSettings { CpuCount = 1, MaxCpuCount = 4, MemoryBytes = 48 * MiB, MaxMemoryBytes = 64 * MiB }
            .ApplyAsync(vm, CancellationToken.None);
        await VMActions.StartAsync(vm, paused: false, CancellationToken.None);
        await Lab.CountsOnAsync(host, "sized");

        var (set, before) = await new VMSettings { CpuCount = 3 }.ApplyAsync(vm, CancellationToken.None);
        Assert.Equal((3, 4), (set.CpuCount, set.MaxCpuCount));
        Assert.Equal("3 3", await CurrentAsync());
        Assert.Equal((1, 4), (before.CpuCount, before.MaxCpuCount));
        var refusal = await Assert.ThrowsAsync<HypervisorException>(
            () => new VMSettings { CpuCount = 5 }.ApplyAsync(vm, CancellationToken.None));
        Assert.Contains("can have 4 CPUs while it runs, not 5", refusal.Message, StringComparison.Ordinal);

        // A guest without a driver of the balloon gives nothing back, so that what it has is not what it was asked for.
        (set, before) = await new VMSettings { MemoryBytes = 56 * MiB }.ApplyAsync(vm, CancellationToken.None);
        Assert.Equal(64 * MiB, set.MemoryBytes);
        Assert.Equal(48 * MiB, before.MemoryBytes);
        var definition = DomainDefinition.Parse(
            await Host(host).Link.SendAsync(new ReadDefinition(vm.Id), TestContext.Current.CancellationToken));
        Assert.Equal((56 * MiB / 1024, 64 * MiB / 1024), ((long)definition.Element("currentMemory")!, (long)definition.Element("memory")!));

        // What it can have at most changes with its next start.
        List<string> warnings = [];
        using (CallWarnings.Listen(warnings.Add))
        {
            (set, _) = await new VMSettings { MaxCpuCount = 6 }.ApplyAsync(vm, CancellationToken.None);
        }

        Assert.Equal(4, set.MaxCpuCount);
        Assert.Contains("stopped and started again", Assert.Single(warnings), StringComparison.Ordinal);
        await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None);
        Assert.Equal(6, (await VMsAsync(host)).Single().MaxCpuCount);

        async Task<string> CurrentAsync() => string.Join(' ', await Task.WhenAll(((string[])["--live", "--config"]).Select(async how =>
            (await Lab.ExecuteAsync(host, "virsh", "-q", "vcpucount", "sized", "--active", how)).Trim())));
    }

    [Theory]
    [InlineData("k1")]
    [InlineData("k2")]
    public async Task CPUs_and_memory_are_changed_together_or_not_at_all(string host)
    {
        var spec = new VMSpec { Name = "sized", MemoryBytes = 64 * MiB, CpuCount = 2 };
        var vm = await VMActions.CreateAsync(Host(host), spec, start: false, keepFailed: false, OperationId.New(), CancellationToken.None);
        foreach (var (cpus, memory) in new[] { (4, 96 * MiB), (1, 48 * MiB) })
        {
            var (set, _) = await new VMSettings { CpuCount = cpus, MemoryBytes = memory }.ApplyAsync(vm, CancellationToken.None);
            Assert.Equal((cpus, memory), (set.CpuCount, set.MemoryBytes));
            var definition = DomainDefinition.Parse(
                await Host(host).Link.SendAsync(new ReadDefinition(vm.Id), TestContext.Current.CancellationToken));
            Assert.Equal((string?)definition.Element("memory"), (string?)definition.Element("currentMemory"));
            Assert.Null(definition.Element("vcpu")!.Attribute("current"));
        }

        // The CPUs are set by then.
        var refusal = await Assert.ThrowsAsync<HypervisorException>(
            () => new VMSettings { CpuCount = 3, MemoryBytes = long.MaxValue }.ApplyAsync(vm, CancellationToken.None));
        Assert.Contains("set the memory of VM 'sized'", refusal.Message, StringComparison.Ordinal);
        var after = (await VMsAsync(host)).Single();
        Assert.Equal((1, 48 * MiB), (after.CpuCount, after.MemoryBytes));
    }

    [Theory]
    [InlineData("k1")]
    [InlineData("k2")]
    public async Task A_VM_is_renamed_when_it_is_off_and_its_new_name_is_free(string host)
    {
        var vm = await CreateAsync(Host(host), "old", "idle");
        var other = await VMActions.CreateAsync(
            Host(host), new VMSpec { Name = "taken", MemoryBytes = 64 * MiB }, start: false, keepFailed: false, OperationId.New(),
            CancellationToken.None);
        var running = await Assert.ThrowsAsync<HypervisorException>(() => VMActions.RenameAsync(vm, "new", CancellationToken.None));
        Assert.Equal(HypervisorError.InvalidState, running.Error);
        await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None);

        var taken = await Assert.ThrowsAsync<HypervisorException>(() => VMActions.RenameAsync(vm, "taken", CancellationToken.None));
        Assert.Contains("already exists", taken.Message, StringComparison.Ordinal);

        var renamed = await VMActions.RenameAsync(vm, "new", CancellationToken.None);
        Assert.Equal(("new", vm.Id), (renamed.Name, renamed.Id));
        Assert.Equal(["new", "taken"], (await VMsAsync(host)).Select(now => now.Name).Order(StringComparer.Ordinal));
        Assert.Equal("taken", other.Name);
    }

    [Fact]
    public async Task A_saved_VM_with_disks_of_its_own_is_not_cloned()
    {
        var xml = (await Lab.XmlAsync("master", "qcow2")).Replace("<readonly/>", "", StringComparison.Ordinal);
        var master = await VMActions.CreateAsync(
            Host("k1"), new VMSpec { Xml = xml }, start: true, keepFailed: false, OperationId.New(), CancellationToken.None);
        await Lab.ExecuteAsync("k1", "virsh", "-q", "managedsave", "master");

        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.CloneAsync(master, Host("k1"), "clone", start: false, change: null, OperationId.New(), CancellationToken.None));

        Assert.Equal((HypervisorError.InvalidState, FaultDomain.VM), (failure.Error, failure.FaultDomain));
        Assert.Contains("saved state", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("machine type")]
    [InlineData("KVM")]
    [InlineData("NUMA node")]
    [InlineData("huge pages")]
    [InlineData("bridge")]
    [InlineData("network card")]
    [InlineData("network")]
    [InlineData("PCI device")]
    [InlineData("USB device")]
    [InlineData("firmware")]
    [InlineData("emulator")]
    [InlineData("CPU model")]
    [InlineData("listening address")]
    [InlineData("kernel")]
    public async Task What_this_host_lacks_is_a_failure_of_the_host(string missing)
    {
        Assert.SkipWhen(missing is "KVM" && File.Exists("/dev/kvm"), "this machine has KVM");
        var domain = XElement.Parse(await Lab.XmlAsync("lacking", "idle"));
        var devices = domain.Element("devices")!;
        var os = domain.Element("os")!;
        switch (missing)
        {
            case "machine type": os.Element("type")!.SetAttributeValue("machine", "pc-q35-99.0"); break;
            case "KVM": domain.SetAttributeValue("type", "kvm"); break;
            case "NUMA node": domain.Add(XElement.Parse("<numatune><memory mode='strict' nodeset='63'/></numatune>")); break;
            case "huge pages":
                domain.Add(XElement.Parse("<memoryBacking><hugepages><page size='1048576' "
                + "unit='KiB'/></hugepages></memoryBacking>")); break;
            case "bridge": devices.Add(XElement.Parse("<interface type='bridge'><source bridge='nobridge'/></interface>")); break;
            case "network card":
                devices.Add(XElement.Parse("<interface type='direct'><source dev='nocard' "
                + "mode='bridge'/></interface>")); break;
            case "network": devices.Add(XElement.Parse("<interface type='network'><source network='nonet'/></interface>")); break;
            case "PCI device":
                devices.Add(XElement.Parse(
                    "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='0xfe' slot='0x1f' "
                        + "function='7'/></source></hostdev>"));
                break;
            case "USB device":
                devices.Element("controller")!.Remove();
                devices.Add(XElement.Parse(
                    "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>"));
                break;
            case "firmware":
                domain.Add(XElement.Parse("<features><acpi/></features>"));
                os.Element("type")!.AddAfterSelf(XElement.Parse("<loader readonly='yes' type='pflash'>/usr/share/OVMF/NONE.fd</loader>"));
                break;
            case "emulator": devices.SetElementValue("emulator", "/usr/bin/qemu-system-none"); break;
            case "CPU model":
                domain.Add(XElement.Parse("<cpu mode='custom' match='exact' check='full'><model "
                + "fallback='forbid'>NoSuchModel</model></cpu>")); break;
            case "listening address":
                devices.Add(XElement.Parse("<graphics type='vnc' port='-1' autoport='yes'><listen type='address' "
                + "address='192.0.2.77'/></graphics>")); break;
            case "kernel": os.Element("type")!.AddAfterSelf(XElement.Parse("<kernel>/nowhere/vmlinuz</kernel>")); break;
        }

        var failure = await Assert.ThrowsAsync<HypervisorException>(() => CreateXmlAsync(Host("k1"), domain.ToString()));

        Assert.True(
            failure.FaultDomain is FaultDomain.Host, $"{failure.FaultDomain} {failure.Error} {failure.NativeCode}: {failure.Message}");
        Assert.Empty(await VMsAsync("k1"));
    }

    [Fact]
    public async Task A_running_VMs_screen_can_be_seen()
    {
        var domain = XElement.Parse(await Lab.XmlAsync("seen", "idle"));
        domain.Descendants("video").Remove();
        domain.Element("devices")!.Add(XElement.Parse("<video><model type='vga'/></video>"));
        var vm = await CreateXmlAsync(Host("k1"), domain.ToString());

        var shot = await FleetReads.ReadScreenAsync(vm, CancellationToken.None);

        Assert.Equal("image/png", shot.ContentType);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], shot.Bytes[..4]);
    }

    [Fact]
    public async Task A_screen_that_listens_at_its_hosts_address_is_in_the_way_of_every_migration()
    {
        var address = Lab.Host("k1").Address;
        var domain = XElement.Parse(await Lab.XmlAsync("shown", "idle"));
        domain.Element("devices")!.Add(
            XElement.Parse($"<graphics type='vnc' port='-1' autoport='yes'><listen type='address' address='{address}'/></graphics>"));
        var vm = await CreateXmlAsync(Host("k1"), domain.ToString());

        var check = (await MigrationChecks.CheckAsync(vm, [Host("k2")], new MigrationOptions(), CancellationToken.None))[0];
        Assert.False(check.CanMigrate);
        Assert.Contains(
            check.Obstacles, obstacle => obstacle.Kind is Kind.Address && obstacle.Message.Contains(address, StringComparison.Ordinal));

        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.MoveAsync(vm, Host("k2"), new MigrationOptions(), null, CancellationToken.None));
        Assert.Equal(FaultDomain.VM, failure.FaultDomain);
        Assert.Contains(address, failure.Message, StringComparison.Ordinal);
        Assert.Equal(PowerState.Running, await StateAsync("k1", "shown"));
    }

    [Fact]
    public async Task An_ISO_that_the_targets_pool_has_not_is_missing_there()
    {
        var iso = Path.Combine(Lab.Host("k1").Images, "only-here.iso");
        await File.WriteAllBytesAsync(iso, new byte[64 << 10]);
        await Lab.ExecuteAsync("k1", "virsh", "-q", "pool-refresh", "default");
        try
        {
            var domain = XElement.Parse(await Lab.XmlAsync("drive", "local"));
            domain.Element("devices")!.Add(XElement.Parse(
                "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source "
                    + "file='/var/lib/libvirt/images/only-here.iso'/><target dev='hdc' bus='ide'/><readonly/></disk>"));
            var vm = await CreateXmlAsync(Host("k1"), domain.ToString());

            var check = (await MigrationChecks.CheckAsync(vm, [Host("k2")], new MigrationOptions(), CancellationToken.None))[0];

            Assert.Contains("'/var/lib/libvirt/images/only-here.iso'", Assert.Single(check.Obstacles).Message, StringComparison.Ordinal);
        }
        finally
        {
            await RemoveAllVMsAsync();
            File.Delete(iso);
            await Lab.ExecuteAsync("k1", "virsh", "-q", "pool-refresh", "default");
        }
    }

    [Fact]
    public async Task The_socket_of_virtqemud_is_a_host()
    {
        const string socket = "/run/libvirt/virtqemud-sock";
        Assert.SkipUnless(
            File.Exists(socket), "virtqemud does not run here: Debian 12 and 13 have it in no package (Fedora, RHEL and Arch have)");
        var driver = new LibvirtDriver();
        await using var link = await driver.OpenAsync(driver.Resolve($"qemu:///system?socket={socket}")[0], CancellationToken.None);

        Assert.Equal("QEMU", (await link.SendAsync(new ReadHost(IncludeVMs: true), CancellationToken.None)).HypervisorType);
    }
}
