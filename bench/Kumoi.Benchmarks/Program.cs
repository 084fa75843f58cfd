// The C# side of the benchmarks: runs what each line of input names, once, and prints its milliseconds. bench/Invoke-Benchmark.ps1 pairs
// them, and compares.
using System.Diagnostics;
using System.Globalization;
using Kumoi;
using Kumoi.Benchmarks;
using Kumoi.Composition;
using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Lineage;
using Kumoi.Resilience;

if (args is ["migrations", var lab, var xml, var script, var count, .. var uris])
{
    await MigrationOverhead.RunAsync(lab, await File.ReadAllTextAsync(xml), script, uris, int.Parse(count, CultureInfo.InvariantCulture));
    return;
}

const int Calls = 20_000;
const int RealCalls = 2_000;
const int Elements = 100_000;

var libvirt = new LibvirtDriver();
await using var fleet = KumoiFleet.Create(
    [new SimulatedDriver(TimeProvider.System), libvirt], new PollyCallPolicyFactory(), new FaultPlan(new Random(7), TimeProvider.System),
    TimeProvider.System);
await foreach (var connected in fleet.ConnectAsync(
    [new ConnectRequest("sim://lab?hosts=1&vms=2&seed=7", Name: null, Tags: [])], CancellationToken.None))
{
    _ = connected.Result;
}

var host = fleet.Hosts[0];
var vm = (await host.Link.SendAsync(new ReadVMs(), CancellationToken.None))[0];
// libvirt's own test driver, where its library is there: the same host through all layers, and without them.
KumoiConnection? real = null;
await foreach (var connected in fleet.ConnectAsync([new ConnectRequest("test:///default", Name: "real", Tags: [])], CancellationToken.None))
{
    real = connected.Succeeded ? connected.Result : null;
}

var direct = real is null ? null : await libvirt.OpenAsync(libvirt.Resolve("test:///default")[0], CancellationToken.None);
// Each number once, in an order that sorting has to change.
int[] numbers = [.. Enumerable.Range(0, Elements)];
new Random(7).Shuffle(numbers);

while (await Console.In.ReadLineAsync() is { } what)
{
    GC.Collect();
    var began = Stopwatch.GetTimestamp();
    await RunAsync(what);
    Console.WriteLine(Stopwatch.GetElapsedTime(began).TotalMilliseconds.ToString("0.0000", CultureInfo.InvariantCulture));
}

Task RunAsync(string what) => what switch
{
    "calls" => CallAsync(),
    "masked calls" => CallMaskedAsync(),
    "calls through the layers" => ReadAsync(real!.Link),
    "calls to the driver" => ReadAsync(direct!),
    "linq" => Task.Run(Linq),
    "lineage" => LineageAsync(),
    "agent direct" => AgentCalls.DirectAsync(fleet),
    _ when what.StartsWith("agent ", StringComparison.Ordinal) => AgentCalls.ThroughAsync(what["agent ".Length..]),
    "relay to one" => RelayThroughput.RelayAsync(targets: 1),
    "relay to two" => RelayThroughput.RelayAsync(targets: 2),
    "socat" => RelayThroughput.SocatAsync(),
    _ => throw new ArgumentException($"There is no benchmark '{what}'.", nameof(what)),
};

async Task CallAsync()
{
    for (var i = 0; i < Calls; i++)
    {
        if ((await host.Link.SendAsync(new ReadHost(IncludeVMs: false), CancellationToken.None)).IsMasked
            || await host.Link.SendAsync(new FindVM(vm.Id), CancellationToken.None) is null)
        {
            throw new InvalidOperationException("A call failed.");
        }
    }
}

static async Task ReadAsync(IHypervisorLink link)
{
    var call = new ReadVMs();
    for (var i = 0; i < RealCalls; i++)
    {
        if ((await link.SendAsync(call, CancellationToken.None)).Count != 1)
        {
            throw new InvalidOperationException("A call failed.");
        }
    }
}

async Task CallMaskedAsync()
{
    using var scope = FailureObliviousScope.Enter(fleet);
    await CallAsync();
    if (scope.Log.Count > 0)
    {
        throw new InvalidOperationException("A call failed.");
    }
}

void Linq()
{
    var taken = numbers.Where(number => number % 3 != 0).Select(number => number * 2L).OrderBy(number => number).Take(10).ToList();
    Check(taken);
}

async Task LineageAsync()
{
    var taken = await numbers.AsLineage().Where(number => number % 3 != 0).Select(number => number * 2L).OrderBy(number => number).Take(10)
        .EvaluateAsync();
    Check(taken.Items);
}

static void Check(IReadOnlyList<long> taken)
{
    if (!taken.SequenceEqual([2L, 4, 8, 10, 14, 16, 20, 22, 26, 28]))
    {
        throw new InvalidOperationException("The chain gave something else.");
    }
}
