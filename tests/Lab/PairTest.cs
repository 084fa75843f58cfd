using System.Diagnostics;
using System.Globalization;
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
public abstract class PairTest(RealLab lab) : LabTest(lab)
{
    protected const string VM = "twin";

    private readonly DirectoryInfo _folder = Directory.CreateDirectory(Path.Combine("/var/tmp", $"kumoi-pair-{Guid.NewGuid():N}"));
    private PairPlan? _plan;

    /// <summary>How many losses tests of many have: more with KUMOI_PAIR_LOSSES (see docs/experiments.md).</summary>
    protected static int Losses =>
        int.Parse(Environment.GetEnvironmentVariable("KUMOI_PAIR_LOSSES") ?? "4", CultureInfo.InvariantCulture);

    protected Guid Id { get; private set; }

    private protected PairPlan Plan => _plan!;

    protected override string? Obstacle => Lab.NetworkObstacle;

    private string ConsoleLog => Path.Combine(_folder.FullName, "console.log");

    protected override string UriOf(LabHost host) => host.TcpUri;

    protected override ValueTask EndAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Of the Linux guest.</summary>
    protected string GuestAddress => Lab.Address.ToString()[..^3] + "200";

    protected static void Say(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);

    /// <summary>It runs, and has made checkpoints.</summary>
    private protected static async Task<Task<PairRecord>> RunAsync(
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

    private protected static async Task Until(PairController controller, Task running, Func<PairEvent, PairRecord, bool> isSuch)
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
        await await Task.WhenAny(reached.Task.WaitAsync(TimeSpan.FromSeconds(60)), running);
    }

    private protected static async Task ProtectedAgainAsync(PairController controller, Task running, int after) =>
        await Until(controller, running, (happened, record) => happened is PairEvent.CheckpointMade && record.LastNumber > after);

    /// <summary>The VM dies on a host that is well.</summary>
    private protected async Task KillAsync(PairRecord record, PairFigures? figures = null)
    {
        var file = $"/run/libvirt/qemu/{VM}{(record.Standby is { } number ? $"-ck{number}" : "")}.pid";
        using var qemu = Process.GetProcessById(
            int.Parse(await Lab.ExecuteAsync(record.Primary, "cat", file), CultureInfo.InvariantCulture));
        figures?.Lose();
        qemu.Kill();
    }

    private protected async Task<PairController> ProtectAsync(
        string guest, IReadOnlyList<string> hosts, IReadOnlyList<string>? fence = null, Func<PairPlan, PairPlan>? how = null)
    {
        var script = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../lab.sh"));
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
        var plan = new PairPlan(Id, _folder.FullName, hosts, new PairGoals(100), fence ?? [script, "power-off"])
        {
            FencePatience = TimeSpan.FromSeconds(5),
            HostRoots = Lab.Hosts.ToDictionary(
                static host => host.Name, static host => Path.GetFullPath(Path.Combine(host.Images, "../../../..")),
                StringComparer.Ordinal),
        };
        _plan = how?.Invoke(plan) ?? plan;
        var controller = new PairController(Fleet, _plan, TimeProvider.System);
        controller.OpenGate();
        await CreateXmlAsync(Host(hosts[0]), definition.ToString());
        return controller;
    }

    /// <summary>What the outside has seen; the last line may not be whole.</summary>
    private protected List<long> Numbers()
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
