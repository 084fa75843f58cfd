using System.Diagnostics;
using System.Globalization;
using System.Xml.Linq;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// Fault-tolerant pairs on real hosts. The guest counts at its console: what the outside has seen must count on by one, whatever happens.
/// </summary>
public sealed class PairTests(RealLab lab) : LabTest(lab)
{
    private const string VM = "twin";

    private readonly DirectoryInfo _folder = Directory.CreateDirectory(Path.Combine("/var/tmp", $"kumoi-pair-{Guid.NewGuid():N}"));
    private Guid _id;
    private PairPlan? _plan;

    private string ConsoleLog => Path.Combine(_folder.FullName, "console.log");

    protected override string? Obstacle => Lab.NetworkObstacle;

    protected override string UriOf(LabHost host) => host.TcpUri;

    protected override ValueTask EndAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    public static TheoryData<string> Guests => ["idle", "warm", "hot"];

    [Theory]
    [MemberData(nameof(Guests))]
    public async Task Host_after_host_loses_its_power_and_the_outside_sees_every_number_once(string guest)
    {
        string[] hosts = ["k1", "k3", "k5", "k2", "k4", "k6"]; // the older generation first: what a newer one has written it may not read
        await using var controller = await ProtectAsync(guest, hosts);
        var running = await RunAsync(controller, "k1");
        foreach (var (host, next) in hosts.Zip(hosts.Skip(1)))
        {
            await Lab.HurtAsync("power-off", host);
            await ServesAsync(next);
        }

        Assert.Equal(PairPhase.Unprotected, controller.Record!.Phase); // no host is left
        await StopAsync(controller, running);
    }

    /// <summary>
    /// More often with KUMOI_PAIR_LOSSES (see docs/experiments.md). A host that has lost its power has it again before the next one loses
    /// it.
    /// </summary>
    [Theory]
    [InlineData("machine")]
    [InlineData("newer")]
    public async Task The_primary_loses_its_power_at_any_instant(string generation)
    {
        var hosts = Lab.Hosts.Where(host => host.Generation == generation).Select(host => host.Name).ToList();
        Assert.SkipWhen(hosts.Count < 3, $"the lab has {hosts.Count} hosts with libvirt of the generation '{generation}', not 3");
        var losses = int.Parse(Environment.GetEnvironmentVariable("KUMOI_PAIR_LOSSES") ?? "4", CultureInfo.InvariantCulture);
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        List<double> downtimes = [];
        await using var controller = await ProtectAsync("warm", hosts);
        var running = await RunAsync(controller, hosts[0]);
        for (var loss = 0; loss < losses; loss++)
        {
            var primary = controller.Record!.Primary;
            await Task.Delay(random.Next(400)); // whatever it is doing then
            var tookOver = Until(controller, running, (happened, _) => happened is PairEvent.TookOver);
            var lost = Stopwatch.GetTimestamp();
            await Lab.HurtAsync("power-off", primary);
            await tookOver;
            downtimes.Add(Stopwatch.GetElapsedTime(lost).TotalSeconds);
            await Lab.MakeWellAsync(primary);
            await Until(controller, running, (_, record) => record.Phase is PairPhase.Protected);
            await ServesAsync(controller.Record.Primary);
        }

        await StopAsync(controller, running);
        downtimes.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{losses} power losses, {controller.Record!.LastNumber} checkpoints, {Numbers().Count} numbers, each once; "
            + $"power loss to running again {downtimes[losses / 2]:0.00} s (median), {downtimes[^1]:0.00} s (longest)");
    }

    [Fact]
    public async Task A_VM_that_dies_goes_on_at_once_although_its_host_is_well()
    {
        await using var controller = await ProtectAsync("warm", ["k1", "k3"]);
        var running = await RunAsync(controller, "k1");

        await Lab.ExecuteAsync("k1", "sh", "-c", $"kill -9 $(cat /run/libvirt/qemu/{VM}.pid)");

        await ServesAsync("k3");
        await StopAsync(controller, running);
    }

    [Fact]
    public async Task A_controller_dies_and_the_next_one_goes_back_to_the_last_checkpoint_because_output_was_lost()
    {
        using var death = new CancellationTokenSource();
        await using (var first = await ProtectAsync("warm", ["k1", "k3", "k5"]))
        {
            var running = await RunAsync(first, "k1", death.Token);
            await death.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        }

        await using var second = new PairController(Fleet, _plan!, TimeProvider.System);
        var goesOn = await RunAsync(second, "k1");
        await ServesAsync("k3");
        await StopAsync(second, goesOn);
    }

    [Fact]
    public async Task A_host_that_is_cut_off_and_cannot_be_fenced_goes_on_alone_in_the_world_and_is_fenced_when_it_is_back()
    {
        await using var controller = await ProtectAsync("warm", ["k1", "k3"], fence: ["false"]);
        var running = await RunAsync(controller, "k1");

        await Lab.HurtAsync("cut", "k1");
        await Until(controller, running, (happened, _) => happened is PairEvent.NotFenced);
        Assert.Equal(PairPhase.FailingOver, controller.Record!.Phase);
        Assert.Equal(VMWhereabouts.Absent, await Host("k3").Link.SendAsync(new ReadWhereabouts(_id), CancellationToken.None));
        await Lab.MakeWellAsync("k1");

        await ServesAsync("k3");
        await StopAsync(controller, running);
    }

    [Fact]
    public async Task A_backup_that_is_lost_is_replaced_by_the_next_host()
    {
        await using var controller = await ProtectAsync("warm", ["k1", "k3", "k5"]);
        var running = await RunAsync(controller, "k1");
        Assert.Equal("k3", controller.Record!.Backup);

        await Lab.HurtAsync("power-off", "k3");
        await Until(controller, running, (_, record) => record is { Phase: PairPhase.Protected, Backup: "k5" });
        await Lab.HurtAsync("power-off", "k1");

        await ServesAsync("k5");
        await StopAsync(controller, running);
    }

    /// <summary>It runs, and has made checkpoints.</summary>
    private static async Task<Task<PairRecord>> RunAsync(
        PairController controller, string primary, CancellationToken cancellationToken = default)
    {
        var count = 3;
        var running = controller.RunAsync(primary, cancellationToken);
        await Until(controller, running, (happened, _) => happened is PairEvent.CheckpointMade && --count <= 0);
        return running;
    }

    private async Task StopAsync(PairController controller, Task<PairRecord> running)
    {
        controller.Requests.Stop();
        Assert.Equal(PairPhase.Stopped, (await running).Phase);
        var numbers = Numbers();
        Assert.True(numbers.Count > 10, $"only {numbers.Count} numbers");
        Assert.Equal(Enumerable.Range((int)numbers[0], numbers.Count).Select(static number => (long)number), numbers);
        Assert.Single(File.ReadAllText(ConsoleLog).Split("BOOT").Skip(1));
    }

    /// <summary>The VM runs there, nowhere else, and what it counts is seen.</summary>
    private async Task ServesAsync(string host)
    {
        await Eventually.HoldsAsync(
            async () => await Host(host).Link.SendAsync(new ReadWhereabouts(_id), CancellationToken.None) is VMWhereabouts.Running,
            $"'{VM}' runs on {host}");
        var seen = Numbers().Count;
        await Eventually.HoldsAsync(() => Numbers().Count > seen + 5, $"'{VM}' counts on");
    }

    private static async Task Until(PairController controller, Task running, Func<PairEvent, PairRecord, bool> isSuch)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(PairEvent happened, PairRecord record)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{DateTime.UtcNow:mm:ss.fff} {happened} → {record}");
            if (isSuch(happened, record))
            {
                controller.Changed -= Look;
                reached.TrySetResult();
            }
        }

        controller.Changed += Look;
        await await Task.WhenAny(reached.Task.WaitAsync(TimeSpan.FromSeconds(60)), running);
    }

    private async Task<PairController> ProtectAsync(string guest, IReadOnlyList<string> hosts, IReadOnlyList<string>? fence = null)
    {
        var script = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../lab.sh"));
        var xml = (await Lab.XmlAsync(VM, guest)).Replace(
            $"<serial type='file'>\n      <source path='/var/log/libvirt/qemu/{VM}.serial' append='on'/>",
            $"<serial type='unix'>\n      <source mode='connect' path='{_folder.FullName}/console.sock'/>", StringComparison.Ordinal);
        _id = Guid.NewGuid();
        var definition = XElement.Parse(xml);
        definition.Element("uuid")?.Remove();
        definition.AddFirst(new XElement("uuid", _id));
        _plan = new PairPlan(_id, _folder.FullName, hosts, new PairGoals(100), fence ?? [script, "power-off"])
        {
            FencePatience = TimeSpan.FromSeconds(5),
        };
        var controller = new PairController(Fleet, _plan, TimeProvider.System);
        controller.OpenGate();
        await CreateXmlAsync(Host(hosts[0]), definition.ToString());
        return controller;
    }

    /// <summary>What the outside has seen; the last line may not be whole.</summary>
    private List<long> Numbers()
    {
        using var file = new FileStream(ConsoleLog, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return
        [
            .. reader.ReadToEnd().Split('\n', StringSplitOptions.TrimEntries).SkipLast(1).Where(static line => line.StartsWith('C'))
                .Select(static line => long.Parse(line[1..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
        ];
    }
}
