using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Hypervisors.Simulated.Hosts;
using Kumoi.Journal;
using Kumoi.Resilience;

namespace Kumoi.Tests;

/// <summary>A fleet of simulated hosts, with faults and a clock of its own.</summary>
internal sealed class LabFleet : IAsyncDisposable
{
    private LabFleet(IReadOnlyList<IHypervisorDriver>? drivers, Func<IJournal>? journal = null)
    {
        Faults = new FaultPlan(new Random(1), Time);
        _driver = new SimulatedDriver(Time);
        Fleet = KumoiFleet.Create(drivers ?? [_driver], new PollyCallPolicyFactory(Time), Faults, Time, journal);
    }

    private readonly SimulatedDriver _driver;

    public ManualTime Time { get; } = new();

    public FaultPlan Faults { get; }

    public Fleet Fleet { get; }

    public static LabFleet Empty(params IHypervisorDriver[] drivers) => new(drivers.Length > 0 ? drivers : null);

    public static async Task<LabFleet> ConnectAsync(string uri, Func<IJournal>? journal = null)
    {
        var lab = new LabFleet(drivers: null, journal);
        await foreach (var outcome in lab.Fleet.ConnectAsync([new ConnectRequest(uri, null, [])], CancellationToken.None))
        {
            _ = outcome.Result;
        }

        return lab;
    }

    public KumoiConnection Host(string name) => Fleet.Find(name) ?? throw new ArgumentException("No such host.", nameof(name));

    /// <summary>The simulated host itself, for what no link can do to it.</summary>
    public SimulatedHost Simulated(string host) => _driver.Find(Host(host).Uri);

    public async Task<IReadOnlyList<VMReading>> VMsAsync(string host) =>
        await Host(host).Link.SendAsync(new ReadVMs(), CancellationToken.None);

    public FaultRule Break(
        string host, string operation, FaultDomain domain = FaultDomain.Unknown, string? vm = null, string message = "injected fault",
        int? count = null, bool outcomeUnknown = false) =>
        Faults.Add(new FaultRule
        {
            HostMatches = name => string.Equals(name, host, StringComparison.Ordinal),
            HostPattern = host,
            VMMatches = vm is null ? null : name => string.Equals(name, vm, StringComparison.Ordinal),
            VMPattern = vm,
            Operation = operation,
            FaultDomain = domain,
            Message = message,
            Count = count,
            OutcomeUnknown = outcomeUnknown,
        });

    public ValueTask DisposeAsync() => Fleet.DisposeAsync();
}
