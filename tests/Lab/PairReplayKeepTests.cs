using System.Text;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Recordings that are kept, and VMs that are made of them.</summary>
public sealed class PairReplayKeepTests(RealLab lab) : PairTest(lab)
{
    public static bool IsWanted => PairReplayTests.IsWanted;

    public static TheoryData<string> Generations => ["machine", "newer"];

    [Theory(Skip = "it takes a minute; run it with KUMOI_LAB_REPLAY=1", SkipUnless = nameof(IsWanted))]
    [MemberData(nameof(Generations))]
    public async Task A_recorded_VM_is_brought_back_to_moments_of_each_of_its_lives(string generation)
    {
        var hosts = Lab.Choose(2, host => host.Generation == generation);
        await using (var controller = await ProtectAsync("warm", hosts, how: plan => plan with
        {
            Engine = CheckpointEngine.LogReplay,
            SeesProcesses = true,
            KeepLogBytes = 1 << 30,
        }))
        {
            var running = await RunAsync(controller, hosts[0]);
            await ProtectedAgainAsync(controller, running, controller.Record!.LastNumber + 6);
            Kill(controller.Record);
            await Until(controller, running, static (happened, _) => happened is PairEvent.TookOver);
            await ProtectedAgainAsync(controller, running, controller.Record.LastNumber + 6);
            await StopAsync(controller, running);
        }

        var kept = Directory.GetDirectories(ReplayKeep.FolderOf(Plan.Folder)).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(2, kept.Count);
        Assert.DoesNotContain(Directory.EnumerateFiles(Plan.Folder), static file => file.EndsWith(".log", StringComparison.Ordinal)
            && !file.EndsWith("console.log", StringComparison.Ordinal));

        foreach (var (folder, host) in kept.Zip(hosts))
        {
            var moments = ReplayMoments.Read(Path.Combine(folder, KeptRecording.Moments)).Moments;
            Say($"{generation}: {moments.Count} moments, log {new FileInfo(Path.Combine(folder, KeptRecording.Log)).Length} bytes");
            Assert.True(moments.Count > 3, $"only {moments.Count} moments");
            await IsBroughtToAsync(Host(host), moments[moments.Count / 2], moments);
            await IsBroughtToAsync(Host(host), moments[^1], moments);
        }

        await LeavesNothingAsync(Host(hosts[0]), kept[0]);
        await GoesOnToTheEndAsync(Host(hosts[0]), kept[0]);
    }

    /// <summary>By where all recordings are, so that the right one is found.</summary>
    private async Task IsBroughtToAsync(KumoiConnection host, ReplayMoment moment, IReadOnlyList<ReplayMoment> all)
    {
        var next = all.FirstOrDefault(other => other.Count > moment.Count);
        var found = RestoredVM.Find(
            ReplayKeep.FolderOf(Plan.Folder), next is null ? moment.At : moment.At + ((next.At - moment.At) / 2), name: null);
        Assert.Equal(moment, found.Moment);
        Assert.Null(found.Shortage);
        Assert.Equal(VM + "-replay", found.Name);

        var vm = await MakeAsync(found, host);
        Assert.Equal(PowerState.Paused, vm.State);
        Assert.Equal(
            moment.Count, await new QemuReplay(host.Link, vm.Id, TimeProvider.System).CountAsync(CancellationToken.None));

        // What it has put out is what the VM had, from its beginning, up to there.
        var output = Read(found.ConsoleOf(vm));
        var seen = Read(Path.Combine(Plan.Folder, "console.log"));
        Assert.InRange(output.Length, moment.To, next?.To ?? long.MaxValue);
        Assert.Contains(output, seen, StringComparison.Ordinal);
        Assert.Equal(found.Recording.Definition.Element("uuid")?.Value == Id.ToString(), seen.StartsWith(output, StringComparison.Ordinal));

        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: false, CancellationToken.None);
        await IsGoneAsync(host, found.Recording.Folder);
    }

    private async Task LeavesNothingAsync(KumoiConnection host, string folder)
    {
        var found = RestoredVM.Find(folder, to: null, name: null);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => MakeAsync(found, host, _ => stop.Cancel(), stop.Token));
        await IsGoneAsync(host, folder);

        var vm = await MakeAsync(found, host);
        var taken = await Assert.ThrowsAsync<HypervisorException>(() => MakeAsync(found, host));
        Assert.Equal(HypervisorError.VMExists, taken.Error);
        Assert.Single(Directory.GetDirectories(folder));
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: false, CancellationToken.None);

        // Another version of QEMU, and a log that has lost its end.
        var generation = Lab.Hosts.Single(other => other.Name == host.Name).Generation;
        if (Lab.Hosts.FirstOrDefault(other => other.Generation != generation) is { } stranger)
        {
            var refusal = await Assert.ThrowsAsync<HypervisorException>(() => MakeAsync(found, Host(stranger.Name)));
            Say(refusal.Message);
            await IsGoneAsync(Host(stranger.Name), folder);
        }

        var log = Path.Combine(folder, KeptRecording.Log);
        var whole = File.ReadAllBytes(log);
        var moments = found.Recording.All;
        await using (var cut = File.OpenWrite(log))
        {
            cut.SetLength(moments[moments.Count / 2].LogBytes + 10);
        }

        var shorter = RestoredVM.Find(folder, to: null, name: null);
        Assert.Equal(moments[moments.Count / 2], shorter.Moment);
        Assert.NotNull(shorter.Shortage);
        var there = await MakeAsync(shorter, host);
        Assert.Equal(PowerState.Paused, there.State);
        await VMActions.RemoveAsync(there, turnOff: true, removeVolumes: false, CancellationToken.None);
        await File.WriteAllBytesAsync(log, whole);
    }

    /// <summary>A replay that goes on comes to the log's end, and no further.</summary>
    private async Task GoesOnToTheEndAsync(KumoiConnection host, string folder)
    {
        var found = RestoredVM.Find(folder, to: null, name: null);
        found = RestoredVM.Find(folder, found.Recording.From, "again");
        var vm = await MakeAsync(found, host);
        await host.Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None);
        await Eventually.HoldsAsync(
            async () => (await host.Link.SendAsync(new FindVM(vm.Id), CancellationToken.None))!.State is not PowerState.Running,
            "it comes to the end of the log");
        var now = (await host.Link.SendAsync(new FindVM(vm.Id), CancellationToken.None))!;
        var output = Read(found.ConsoleOf(vm));
        Say($"at the end of the log it is {now.State}; {output.Length} bytes of output, the last moment has {found.Recording.All[^1].To}");
        Assert.InRange(output.Length, found.Recording.All[^1].To, long.MaxValue);
        Assert.StartsWith(
            output[..(int)found.Recording.All[^1].To], Read(Path.Combine(Plan.Folder, "console.log")), StringComparison.Ordinal);
        await VMActions.RemoveAsync(vm, turnOff: true, removeVolumes: false, CancellationToken.None);
        await IsGoneAsync(host, folder);
    }

    private static Task<KumoiVM> MakeAsync(
        RestoredVM what, KumoiConnection host, Action<double>? came = null, CancellationToken cancellationToken = default) =>
        what.MakeAsync(host, OperationId.New(), keepFailed: false, came ?? (_ => { }), TimeProvider.System, cancellationToken);

    private static async Task IsGoneAsync(KumoiConnection host, string folder)
    {
        Assert.Empty(Directory.GetDirectories(folder));
        var vms = await host.Link.SendAsync(new ReadVMs(), CancellationToken.None);
        Assert.DoesNotContain(vms, static vm => vm.Name.EndsWith("-replay", StringComparison.Ordinal) || vm.Name is "again");
    }

    private static string Read(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file, Encoding.Latin1);
        return reader.ReadToEnd();
    }
}
