using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Xml.Linq;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>A test of a fault-tolerant pair whose guest counts at its console.</summary>
public abstract partial class PairTest(RealLab lab) : LabTest(lab)
{
    protected const string VM = "twin";

    private readonly DirectoryInfo _folder = Directory.CreateDirectory(Path.Combine("/var/tmp", $"kumoi-pair-{Guid.NewGuid():N}"));
    private PairPlan? _plan;

    /// <summary>How many losses tests of many have: more with KUMOI_PAIR_LOSSES (see docs/experiments.md).</summary>
    protected static int Losses =>
        int.Parse(Environment.GetEnvironmentVariable("KUMOI_PAIR_LOSSES") ?? "2", CultureInfo.InvariantCulture);

    protected Guid Id { get; private set; }

    private protected PairPlan Plan => _plan!;

    protected override string? Obstacle => Lab.NetworkObstacle;

    private string ConsoleLog => Path.Combine(_folder.FullName, "console.log");

    protected override string UriOf(LabHost host) => host.TcpUri;

    protected override async ValueTask EndAsync()
    {
        _folder.Delete(recursive: true);
        if (_plan is not null && TestContext.Current.TestState?.Result is TestResult.Failed)
        {
            // The pair may have fenced a host by itself, when the machine was too busy to hear it: the next test needs that host.
            await Task.WhenAll(_plan.Hosts.Select(Lab.MakeWellAsync));
        }
    }

    /// <summary>Of the Linux guest.</summary>
    protected string GuestAddress => Lab.Address.ToString()[..^3] + "200";

    protected static void Say(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);

    protected static void SkipUnlessMeasured() => Assert.SkipUnless(
        Environment.GetEnvironmentVariable("KUMOI_FIGURES") is { Length: > 0 },
        "this only measures: ./build.sh bench runs it (or KUMOI_FIGURES=file)");

    /// <summary>How long a pair may take to come somewhere.</summary>
    protected TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>It runs, and has made checkpoints.</summary>
    private protected async Task<Task<PairRecord>> RunAsync(
        PairController controller, string? primary, CancellationToken cancellationToken = default)
    {
        var count = 3;
        var running = controller.RunAsync(primary, cancellationToken);
        await Until(controller, running, (happened, _) => happened is PairEvent.CheckpointMade && --count <= 0);
        return running;
    }

    private protected async Task StopAsync(PairController controller, Task<PairRecord> running)
    {
        controller.Requests.Stop();
        Assert.Equal(PairPhase.Stopped, (await running).Phase);
        var numbers = Numbers();
        Assert.True(numbers.Count > 10, $"only {numbers.Count} numbers");
        Assert.Equal(Enumerable.Range((int)numbers[0], numbers.Count).Select(static number => (long)number), numbers);
        Assert.Single(File.ReadAllText(ConsoleLog).Split("BOOT").Skip(1));
    }

    /// <summary>The VM runs there, nowhere else, and what it counts is seen.</summary>
    private protected async Task ServesAsync(string host, Guid? domain = null)
    {
        await Eventually.HoldsAsync(
            async () => await WhereaboutsAsync(host, domain ?? Id) is VMWhereabouts.Running, $"'{VM}' runs on {host}");
        var seen = Numbers().Count;
        await Eventually.HoldsAsync(() => Numbers().Count > seen + 5, $"'{VM}' counts on");
    }

    private protected Task<VMWhereabouts> WhereaboutsAsync(string host, Guid domain) =>
        Host(host).Link.SendAsync(new ReadWhereabouts(domain), CancellationToken.None).AsTask();

    private protected async Task Until(PairController controller, Task running, Func<PairEvent, PairRecord, bool> isSuch)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(PairEvent happened, PairRecord record)
        {
            Say($"{DateTime.UtcNow:mm:ss.fff} {happened} → {record}");
            if (isSuch(happened, record))
            {
                controller.Changed -= Look;
                reached.TrySetResult();
            }
        }

        controller.Changed += Look;
        await await Task.WhenAny(reached.Task.WaitAsync(Patience), running);
    }

    private protected async Task ProtectedAgainAsync(PairController controller, Task running, int after) =>
        await Until(controller, running, (happened, record) => happened is PairEvent.CheckpointMade && record.LastNumber > after);

    /// <summary>The VM dies on a host that is well.</summary>
    private protected void Kill(PairRecord record, PairFigures? figures = null)
    {
        using var qemu = QemuOf(record.Standby);
        figures?.Lose();
        qemu.Kill();
    }

    /// <summary>The process of a standby, or of the VM itself: seen from outside of its host, by its name and its domain's id.</summary>
    private protected Process QemuOf(int? standby)
    {
        var id = PairDomains.Of(Id, standby).ToString();
        return Process.GetProcesses().Single(process => IsQemuOf(process.Id, id));
    }

    /// <summary>It does nothing any more, and does not know that.</summary>
    private protected static void Freeze(Process process) => Assert.Equal(0, Signal(process.Id, 19)); // SIGSTOP

    private protected static void Thaw(Process process) => _ = Signal(process.Id, 18); // SIGCONT

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Signal(int process, int signal);

    private static bool IsQemuOf(int process, string id)
    {
        try
        {
            var arguments = File.ReadAllText($"/proc/{process}/cmdline").Split('\0');
            return Path.GetFileName(arguments[0]).StartsWith("qemu-system", StringComparison.Ordinal)
                && arguments[Array.IndexOf(arguments, "-uuid") + 1] == id; // libvirt's: a guest may be given another one after it
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it has ended
        }
    }

    /// <summary>
    /// Controllers die one after the other, each as soon as the pair has come into the next of these states; each time the next one goes on
    /// with it. Every number is seen once, but where output is not held: what a VM puts out then while nobody listens is lost.
    /// </summary>
    private protected async Task DieInAsync(Func<PairPlan, PairPlan> how, params PairPhase[] phases)
    {
        var hosts = Lab.Choose(3, static host => !host.IsNewer);
        var primary = hosts[0];
        var controller = await ProtectAsync("warm", hosts, how: how);
        try
        {
            foreach (var phase in phases)
            {
                Say($"dies in {phase}");
                using var death = new CancellationTokenSource();
                var running = controller.RunAsync(primary, death.Token);
                primary = null;
                if (phase is PairPhase.Starting)
                {
                    await Eventually.HoldsAsync(() => controller.Record is not null, "the pair is begun");
                    await death.CancelAsync();
                }
                else
                {
                    await Until(controller, running, static (happened, _) => happened is PairEvent.CheckpointMade);
                    controller.Changed += (_, record) => DieIn(phase, record, death);
                    await HurtForAsync(phase, controller.Record!, hosts);
                }

                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(TimeSpan.FromSeconds(60)));
                Assert.Equal(phase, controller.Record!.Phase);
                await controller.DisposeAsync();
                await Lab.MakeAllWellAsync();
                controller = new PairController(Fleet, Plan, TimeProvider.System);
            }

            var last = await RunAsync(controller, primary: null);
            await Eventually.HoldsAsync(() => IsAloneAsync(hosts, controller.Record!.Primary), "one host runs the VM, and no other");
            if (phases is [PairPhase.Starting, ..])
            {
                controller.Requests.Stop();
                Assert.Equal(PairPhase.Stopped, (await last).Phase);
            }
            else
            {
                await StopAsync(controller, last);
            }
        }
        finally
        {
            await controller.DisposeAsync();
        }
    }

    private static void DieIn(PairPhase phase, PairRecord record, CancellationTokenSource death)
    {
        if (record.Phase == phase)
        {
            death.Cancel();
        }
    }

    private Task HurtForAsync(PairPhase phase, PairRecord record, IReadOnlyList<string> hosts) => phase switch
    {
        PairPhase.Protected => Task.CompletedTask,
        PairPhase.Revoking => Lab.HurtAsync("power-off", record.Backup!),
        PairPhase.Unprotected => Task.WhenAll(
            hosts.Where(host => host != record.Primary).Select(host => Lab.HurtAsync("power-off", host))),
        _ => Lab.HurtAsync("power-off", record.Primary),
    };

    /// <summary>All hosts answer, and one VM runs on this one, and none on others.</summary>
    private async Task<bool> IsAloneAsync(IReadOnlyList<string> hosts, string primary)
    {
        List<string> running = [];
        foreach (var host in hosts)
        {
            try
            {
                var vms = await Host(host).Link.SendAsync(new ReadVMs(), CancellationToken.None);
                running.AddRange(vms.Where(static vm => vm.State is PowerState.Running).Select(_ => host));
            }
            catch (HypervisorException)
            {
                return false; // it has just come back, and is not called yet
            }
        }

        return running is [var only] && only == primary;
    }

    private protected static PairPlan Colo(PairPlan plan, ModeOptions modes) => plan with
    {
        Engine = CheckpointEngine.Colo,
        AllowUnencrypted = true,
        CheckpointPatience = TimeSpan.FromSeconds(3),
        Modes = modes with { CheckpointPeriod = TimeSpan.FromMilliseconds(100), ColoPeriod = TimeSpan.FromSeconds(1) },
    };

    /// <summary>Makes a VM of a guest, and a controller that is to protect it.</summary>
    /// <param name="guest">A variant of the lab's guests.</param>
    /// <param name="hosts">The first has the VM.</param>
    /// <param name="fence">The fence's command; null: the lab's.</param>
    /// <param name="how">Changes the plan.</param>
    /// <param name="adapt">Changes the VM's definition.</param>
    private protected async Task<PairController> ProtectAsync(
        string guest, IReadOnlyList<string> hosts, IReadOnlyList<string>? fence = null, Func<PairPlan, PairPlan>? how = null,
        Action<XElement>? adapt = null)
    {
        var script = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../lab.sh"));
        if (guest.EndsWith("colo", StringComparison.Ordinal) && Lab.ColoObstacle is { } obstacle)
        {
            Assert.Skip(obstacle);
        }

        var xml = (await Lab.XmlAsync(VM, guest)).Replace(
            $"<serial type='file'>\n      <source path='/var/log/libvirt/qemu/{VM}.serial' append='on'/>",
            $"<serial type='unix'>\n      <source mode='connect' path='{_folder.FullName}/console.sock'/>", StringComparison.Ordinal);
        Id = Guid.NewGuid();
        var definition = XElement.Parse(xml);
        definition.Element("uuid")?.Remove();
        definition.AddFirst(new XElement("uuid", Id));
        definition.Element("vcpu")!.AddBeforeSelf(new XElement(
            "memoryBacking", new XElement("source", new XAttribute("type", "file")),
            new XElement("access", new XAttribute("mode", "shared")))); // for checkpoints of what has changed; the others do not mind
        adapt?.Invoke(definition);
        var plan = new PairPlan(Id, _folder.FullName, hosts, new PairGoals(100), fence ?? [script, "power-off"])
        {
            FencePatience = TimeSpan.FromSeconds(5),
            SeesProcesses = false, // a host that loses its power takes with it who would see that
            HostRoots = Lab.Hosts.ToDictionary(
                static host => host.Name, static host => Path.GetFullPath(Path.Combine(host.Images, "../../../..")),
                StringComparer.Ordinal),
        };
        _plan = how?.Invoke(plan) ?? plan;
        var controller = new PairController(Fleet, _plan, TimeProvider.System);
        controller.OpenGate();
        await CreateXmlAsync(
            Host(hosts[0]), definition.ToString(), start: _plan.Engine is not CheckpointEngine.LogReplay); // which starts it itself
        return controller;
    }

    /// <summary>Primary after primary loses its power, and has it again before the next one does.</summary>
    private protected async Task LoseAsync(
        PairController controller, Task<PairRecord> running, PairFigures figures, Func<Task>? between = null, int? losses = null)
    {
        var random = new Random(Random.Shared.Next());
        for (var loss = 0; loss < (losses ?? Losses); loss++)
        {
            var primary = controller.Record!.Primary;
            await Task.Delay(random.Next(800));
            var tookOver = Until(controller, running, (happened, _) => happened is PairEvent.TookOver);
            figures.Lose();
            await Lab.HurtAsync("power-off", primary);
            await tookOver;
            await Lab.MakeWellAsync(primary);
            await ProtectedAgainAsync(controller, running, controller.Record.LastNumber);
            await (between?.Invoke() ?? Task.CompletedTask);
        }
    }

    /// <summary>
    /// How long one piece of work takes, in milliseconds. Held output comes in lots: it is counted from one lot to another.
    /// </summary>
    private protected async Task<double> WorkAsync(int pieces)
    {
        var (first, begun) = await NextLotAsync();
        while (true)
        {
            var (last, ended) = await NextLotAsync();
            if (last - first >= pieces)
            {
                return Stopwatch.GetElapsedTime(begun, ended).TotalMilliseconds / (last - first);
            }
        }
    }

    private async Task<(long Number, long At)> NextLotAsync()
    {
        var before = Numbers()[^1];
        await Eventually.HoldsAsync(() => Numbers()[^1] > before, "the guest works on");
        return (Numbers()[^1], Stopwatch.GetTimestamp());
    }

    /// <summary>The numbers that the outside has seen.</summary>
    private protected List<long> Numbers() =>
    [
        .. Lines().Where(static line => line.StartsWith('C'))
            .Select(static line => long.Parse(line[1..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
    ];

    /// <summary>What the outside has seen, but for a last line that is not whole.</summary>
    private protected IEnumerable<string> Lines()
    {
        using var file = new FileStream(ConsoleLog, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.TrimEntries).SkipLast(1);
    }
}
