using System.Diagnostics;
using System.Security.Cryptography;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Files that become volumes of real hosts of both generations, and come back.</summary>
public sealed class VolumeStreamTests(RealLab lab) : LabTest(lab)
{
    private const int MiB = 1 << 20;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("kumoi-volumes-");

    public static TheoryData<string> Hosts => ["k1", "k2"];

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task Of_256_MiB_with_holes_each_byte_arrives_and_comes_back_and_the_holes_take_up_no_space(string host)
    {
        // 64 MiB of noise, then holes with a page of noise here and there, and an end that is no whole page.
        var path = Make("noise.img", (256 * MiB) - 77, file =>
        {
            var noise = new byte[64 * MiB];
            new Random(7).NextBytes(noise);
            file.Write(noise);
            for (var at = 70L * MiB; at < 250 * MiB; at += 9 * MiB)
            {
                file.Position = at;
                file.Write(noise.AsSpan(0, 5000));
            }
        });
        List<CopyProgress> told = [];
        var volume = await HostStorage.ImportVolumeAsync(
            Host(host), "default", "noise", path, new Listener(told.Add), CancellationToken.None);
        Assert.Equal(("raw", (256L * MiB) - 77), (volume.Format, volume.CapacityBytes));
        Assert.Equal(volume.CapacityBytes, told[^1].BytesDone);
        var image = Path.Combine(Lab.Host(host).Images, "noise");
        Assert.Equal(HashOf(path), HashOf(image));
        var blocks = await Lab.ExecuteAsync(host, "stat", "-c", "%b", $"{Lab.HostImages}/noise");
        Assert.InRange(long.Parse(blocks, System.Globalization.CultureInfo.InvariantCulture) * 512, 64L * MiB, 80L * MiB);

        var back = Path.Combine(_directory.FullName, "back.img");
        Assert.Equal(volume.CapacityBytes, await HostStorage.ExportVolumeAsync(volume, back, replace: false, null, CancellationToken.None));
        Assert.Equal(HashOf(path), HashOf(back));
        await RefusedAsync(
            HypervisorError.InvalidSpecification,
            () => HostStorage.ExportVolumeAsync(volume, back, replace: false, null, CancellationToken.None));
        await RefusedAsync(
            HypervisorError.StorageFailed,
            () => HostStorage.ImportVolumeAsync(Host(host), "default", "noise", path, null, CancellationToken.None));
        Assert.Equal(HashOf(path), HashOf(image));
        await HostStorage.RemoveVolumeAsync(volume, CancellationToken.None);
        Assert.Equal(["back.img", "noise.img"], LocalFiles());
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task What_is_cancelled_or_cut_in_the_middle_leaves_nothing_on_either_side(string host)
    {
        var before = Files(host);
        var path = Make("noise.img", 32 * MiB, file =>
        {
            var noise = new byte[32 * MiB];
            new Random(7).NextBytes(noise);
            file.Write(noise);
        });
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => HostStorage.ImportVolumeAsync(
            Host(host), "default", "noise", path, Halfway(stop.Cancel), stop.Token));
        Assert.Equal(before, Files(host));

        var cut = await Assert.ThrowsAsync<HypervisorException>(() => HostStorage.ImportVolumeAsync(
            Host(host), "default", "noise", path, Halfway(KillDaemon), CancellationToken.None));
        Assert.Equal((HypervisorError.ConnectionFailed, false), (cut.Error, cut.OutcomeUnknown));
        Assert.Equal(before, Files(host));

        // The file may not end before what it had when it began.
        await RefusedAsync(HypervisorError.InvalidSpecification, () => HostStorage.ImportVolumeAsync(
            Host(host), "default", "noise", path, Halfway(() => File.WriteAllBytes(path, new byte[17 * MiB])), CancellationToken.None));
        Assert.Equal(before, Files(host));

        var volume = await HostStorage.ImportVolumeAsync(Host(host), "default", "noise", path, null, CancellationToken.None);
        var back = Path.Combine(_directory.FullName, "back.img");
        using var stopped = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => HostStorage.ExportVolumeAsync(volume, back, replace: false, Halfway(stopped.Cancel), stopped.Token));
        await Assert.ThrowsAsync<HypervisorException>(
            () => HostStorage.ExportVolumeAsync(volume, back, replace: false, Halfway(KillDaemon), CancellationToken.None));
        Assert.Equal(["noise.img"], LocalFiles());
        await Lab.MakeWellAsync(host); // on a busy computer the daemon takes longer to come back than the host's limits wait
        await HostStorage.RemoveVolumeAsync(volume, CancellationToken.None);
        Assert.Equal(before, Files(host));

        void KillDaemon() => Lab.HurtAsync("kill-daemon", host).GetAwaiter().GetResult();
    }

    [Fact]
    public async Task A_host_that_does_not_come_back_may_have_half_a_volume_which_is_told()
    {
        const string host = "k1";
        var path = Make("noise.img", 8 * MiB, file => file.Write(RandomNumberGenerator.GetBytes(8 * MiB)));
        var cut = await Assert.ThrowsAsync<HypervisorException>(() => HostStorage.ImportVolumeAsync(
            Host(host), "default", "noise", path,
            Halfway(() => Lab.HurtAsync("stop-daemon", host).GetAwaiter().GetResult()), CancellationToken.None));
        Assert.True(cut.OutcomeUnknown);
        Assert.Contains("may be in the storage pool 'default'", cut.Message, StringComparison.Ordinal);
        await Lab.MakeWellAsync(host);
        var pool = (await HostStorage.ReadPoolsAsync(Host(host), CancellationToken.None)).Single(one => one.Name == "default");
        var half = (await HostStorage.ReadVolumesAsync(pool, CancellationToken.None)).Single(one => one.Name == "noise");
        await HostStorage.RemoveVolumeAsync(half, CancellationToken.None);
    }

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task A_qcow2_image_is_one_on_the_host_too_and_none_is_copied_while_a_VM_writes_to_it(string host)
    {
        var pool = (await HostStorage.ReadPoolsAsync(Host(host), CancellationToken.None)).Single(one => one.Name == "default");
        var made = await HostStorage.CreateVolumeAsync(Host(host), "default", "made", "qcow2", 64 * MiB, CancellationToken.None);
        var path = Path.Combine(_directory.FullName, "made.qcow2");
        await HostStorage.ExportVolumeAsync(made, path, replace: false, null, CancellationToken.None);
        var volume = await HostStorage.ImportVolumeAsync(Host(host), "default", "copy", path, null, CancellationToken.None);
        Assert.Equal(("qcow2", 64L * MiB), (volume.Format, volume.CapacityBytes));
        var read = (await HostStorage.ReadVolumesAsync(pool, CancellationToken.None)).Single(one => one.Name == "copy");
        Assert.Equal(("qcow2", 64L * MiB), (read.Format, read.CapacityBytes));

        // The same as virsh makes of it.
        await Lab.ExecuteAsync(host, "virsh", "-q", "vol-create-as", "default", "virsh", "64M", "--format", "qcow2");
        await Lab.ExecuteAsync(host, "virsh", "-q", "vol-download", "copy", "/tmp/kumoi-copy", "default");
        await Lab.ExecuteAsync(host, "virsh", "-q", "vol-upload", "virsh", "/tmp/kumoi-copy", "default");
        var images = Lab.Host(host).Images;
        Assert.Equal(HashOf(Path.Combine(images, "virsh")), HashOf(Path.Combine(images, "copy")));
        await Lab.ExecuteAsync(host, "rm", "/tmp/kumoi-copy", $"{Lab.HostImages}/virsh");

        var xml = (await Lab.XmlAsync("tick", "idle")).Replace("</os>", "</os><features><acpi/></features>", StringComparison.Ordinal);
        var vm = await CreateXmlAsync(Host(host), xml);
        var disk = await VMDisks.AddAsync(vm, new DiskAddition { Path = volume.Path, Format = "qcow2" }, CancellationToken.None);
        await RefusedAsync(
            HypervisorError.InvalidState,
            () => HostStorage.ExportVolumeAsync(volume, path, replace: true, null, CancellationToken.None));
        await VMActions.StopAsync(vm, turnOff: true, TimeSpan.Zero, TimeProvider.System, CancellationToken.None);
        await HostStorage.ExportVolumeAsync(volume, path, replace: true, null, CancellationToken.None);
        await VMDisks.RemoveAsync(disk, deleteVolume: true, CancellationToken.None);
        await HostStorage.RemoveVolumeAsync(made, CancellationToken.None);
    }

    protected override ValueTask EndAsync()
    {
        _directory.Delete(recursive: true);
        return base.EndAsync();
    }

    private static Listener Halfway(Action action)
    {
        var isDone = false;
        return new Listener(value =>
        {
            if (!isDone && value.Ratio >= 0.5)
            {
                isDone = true;
                action();
            }
        });
    }

    private static async Task RefusedAsync(HypervisorError error, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal(error, refusal.Error);
        Assert.NotEmpty(refusal.RecommendedAction!);
    }

    private static string HashOf(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(file));
    }

    private string Make(string name, long length, Action<FileStream> write)
    {
        var path = Path.Combine(_directory.FullName, name);
        using var file = File.Create(path);
        write(file);
        file.SetLength(length);
        return path;
    }

    private string[] LocalFiles() => [.. _directory.EnumerateFiles().Select(file => file.Name).Order(StringComparer.Ordinal)];

    private string[] Files(string host) =>
        [.. Directory.EnumerateFiles(Lab.Host(host).Images).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>Is told at once, by whoever copies.</summary>
    private sealed class Listener(Action<CopyProgress> action) : IProgress<CopyProgress>
    {
        public void Report(CopyProgress value) => action(value);
    }
}
