using System.Diagnostics;
using Kumoi.Exports;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>VMs that are exported and imported, on real hosts of both generations.</summary>
public sealed class ExportTests(RealLab lab) : LabTest(lab)
{
    private readonly CancellationToken _token = TestContext.Current.CancellationToken;

    public static TheoryData<string> Hosts => ["k1", "k2"];

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task What_was_exported_counts_on_also_where_its_disk_is_built_on_another(string host)
    {
        var folder = Directory.CreateTempSubdirectory("kumoi-export-");
        try
        {
            await Lab.ExecuteAsync(
                host, "qemu-img", "create", "-q", "-f", "qcow2", "-b", $"{Lab.HostImages}/web.qcow2", "-F", "qcow2",
                $"{Lab.HostImages}/mover.qcow2");
            var xml = (await Lab.XmlAsync("mover", "qcow2")).Replace("<readonly/>", "", StringComparison.Ordinal)
                .Replace("web.qcow2", "mover.qcow2", StringComparison.Ordinal);
            var vm = await CreateXmlAsync(Host(host), xml, start: false);
            var before = await VolumesAsync(host);
            var exported = await VMExport.RunAsync(vm, folder.FullName, progressOf: null, _token);
            Assert.Equal(before, await VolumesAsync(host));
            Assert.DoesNotContain("backing file", await RunAsync("qemu-img", "info", Path.Combine(exported, "disk-1.qcow2")));

            var import = new VMImport(
                Fleet, Host(host), ImportPackage.Open(exported), new ImportOptions { Name = "moved" }, TimeProvider.System);
            var moved = await import.RunAsync(progressOf: null, _token);
            Assert.NotEqual(vm.Id, moved.Id);
            await VMActions.StartAsync(moved, paused: false, _token);
            await Lab.CountsOnAsync(host, "moved");
            Assert.Equal(
                HypervisorError.InvalidState,
                (await Assert.ThrowsAsync<HypervisorException>(() => VMExport.RunAsync(moved, folder.FullName, null, _token))).Error);

            // Undone, it is gone with its disk; what it was made of is not.
            await import.UndoAsync(movedTo: null);
            Assert.Equal(before, await VolumesAsync(host));
            Assert.NotNull(await Host(host).Link.SendAsync(new FindVM(vm.Id), _token));

            // Cancelled in the middle it leaves nothing.
            using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(_token);
            import = new VMImport(
                Fleet, Host(host), ImportPackage.Open(exported), new ImportOptions { Name = "half" }, TimeProvider.System);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => import.RunAsync(_ => new Listener(cancellation.Cancel), cancellation.Token));
            Assert.Equal(before, await VolumesAsync(host));
            Assert.Null(await Host(host).Link.SendAsync(new FindVMByName("half"), _token));
            await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: false, _token);
        }
        finally
        {
            await RemoveAllVMsAsync();
            await Lab.ExecuteAsync(host, "rm", "-f", $"{Lab.HostImages}/mover.qcow2");
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task An_OVF_with_a_VMDK_of_QEMUs_becomes_a_VM_with_that_disk(string host)
    {
        var folder = Directory.CreateTempSubdirectory("kumoi-ovf-");
        try
        {
            var raw = Path.Combine(folder.FullName, "disk.raw");
            var content = new byte[8 << 20];
            new Random(7).NextBytes(content.AsSpan(3 << 20, 1 << 20));
            await File.WriteAllBytesAsync(raw, content, _token);
            await RunAsync(
                "qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", raw,
                Path.Combine(folder.FullName, "disk.vmdk"));
            var ovf = Path.Combine(folder.FullName, "web.ovf");
            await File.WriteAllTextAsync(
                ovf,
                """
                <Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns="http://schemas.dmtf.org/ovf/envelope/1">
                  <References><File ovf:id="f" ovf:href="disk.vmdk"/></References>
                  <DiskSection><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="8388608"/></DiskSection>
                  <VirtualSystem ovf:id="appliance"><VirtualHardwareSection>
                    <Item><ResourceType>3</ResourceType><VirtualQuantity>1</VirtualQuantity></Item>
                    <Item><ResourceType>4</ResourceType><VirtualQuantity>64</VirtualQuantity></Item>
                    <Item><ResourceType>17</ResourceType><HostResource>ovf:/disk/d</HostResource></Item>
                  </VirtualHardwareSection></VirtualSystem>
                </Envelope>
                """,
                _token);
            var import = new VMImport(Fleet, Host(host), ImportPackage.Open(ovf), new ImportOptions(), TimeProvider.System);
            var vm = await import.RunAsync(progressOf: null, _token);
            Assert.Equal(("appliance", 64L << 20, 1), (vm.Name, vm.MemoryBytes, vm.CpuCount));
            var disk = Assert.Single(await VMDisks.ReadAsync(vm, _token));
            Assert.Equal(("raw", 8L << 20), (disk.Format, disk.CapacityBytes));
            var back = Path.Combine(folder.FullName, "back.raw");
            await Host(host).Link.SendAsync(new DownloadVolume("default", "appliance-1", back), _token);
            Assert.Equal(content, await File.ReadAllBytesAsync(back, _token));
            await VMActions.StartAsync(vm, paused: true, _token);
            await import.UndoAsync(movedTo: null);
            Assert.DoesNotContain("appliance-1", await VolumesAsync(host));
        }
        finally
        {
            await RemoveAllVMsAsync();
            folder.Delete(recursive: true);
        }
    }

    private async Task<IEnumerable<string>> VolumesAsync(string host) =>
        (await Host(host).Link.SendAsync(new ReadVolumes("default"), _token)).Select(static one => one.Name).Order(StringComparer.Ordinal);

    private async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var output = await process.StandardOutput.ReadToEndAsync(_token);
        await process.WaitForExitAsync(_token);
        Assert.Equal(0, process.ExitCode);
        return output;
    }

    private sealed class Listener(Action action) : IProgress<CopyProgress>
    {
        public void Report(CopyProgress value) => action();
    }
}
