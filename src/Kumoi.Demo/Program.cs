// The main job through the C# list, for machines without PowerShell: ten VMs come out although a host is broken.
using Kumoi;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Lineage;
using Kumoi.Resilience;

var faults = new FaultPlan(new Random(7), TimeProvider.System);
await using var fleet = new Fleet([new SimulatedDriver(TimeProvider.System)], new PollyCallPolicyFactory(), faults, TimeProvider.System);
await foreach (var connected in fleet.ConnectAsync([new ConnectRequest("sim://lab?hosts=20&vms=2&seed=7", Name: null, Tags: [])], CancellationToken.None))
{
    _ = connected.Result;
}

faults.Add(new FaultRule
{
    HostPattern = "kvm14",
    HostMatches = name => name is "kvm14",
    Operation = FaultOperation.Start,
    Message = "disk image isn't accessible",
});

var hosts = new List<KumoiHost>();
await foreach (var read in fleet.ReadHostsAsync(fleet.Hosts, CancellationToken.None))
{
    hosts.Add(read.Result);
}

var deployed = await hosts.AsLineage((host, token) => new ValueTask<KumoiHost>(FleetReads.ReadHostAsync(host.Connection, token)))
    .Where(host => host.CpuRatio < 0.9)
    .OrderBy(host => host.CpuRatio)
    .Take(10)
    .Select(async (host, token) => await VMActions.CreateAsync(
        host.Connection, new VMSpec { Name = $"web-{host}", MemoryBytes = 64L << 20 }, start: true, keepFailed: false, OperationId.New(), token))
    .EvaluateAsync();

Console.WriteLine($"{"Name",-10} {"State",-8} VMHost");
foreach (var vm in deployed.Items)
{
    Console.WriteLine($"{vm.Name,-10} {vm.State,-8} {vm.VMHost}");
}

Console.WriteLine();
Console.WriteLine(deployed.Trace);
