using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Resilience;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>A test on the lab's hosts. It begins on sound hosts without VMs, and at its end every connection must close cleanly.</summary>
public abstract class LabTest(RealLab lab) : IAsyncLifetime
{
    private Fleet? _fleet;
    private int _uncleanBefore;

    protected RealLab Lab => lab;

    protected Fleet Fleet => _fleet!;

    /// <summary>Why the test cannot run here; null: it can.</summary>
    protected virtual string? Obstacle => lab.Obstacle;

    public async ValueTask InitializeAsync()
    {
        if (Obstacle is { } obstacle)
        {
            Assert.Skip(obstacle);
        }

        _uncleanBefore = ConnectionHandle.UncleanCloseCount;
        _fleet = await ConnectAsync(new PollyCallPolicyFactory());
        try
        {
            await RemoveAllVMsAsync();
        }
        catch (HypervisorException)
        {
            // libvirt 9.0 whose daemon a test before has killed in the midst of a start never lets that VM go: only power helps.
            await Task.WhenAll(lab.Hosts.Select(host => lab.HurtAsync("power-off", host.Name)));
            await lab.MakeAllWellAsync();
            await _fleet.DisposeAsync();
            _fleet = await ConnectAsync(new PollyCallPolicyFactory());
            await RemoveAllVMsAsync();
        }

        lab.ForgetPrinted();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await lab.MakeAllWellAsync();
        await EndAsync();
        if (_fleet is not null)
        {
            await _fleet.DisposeAsync();
            await Eventually.HoldsAsync(() => ConnectionHandle.LiveCount == 0, "every connection is closed");
            if (!LosesConnections)
            {
                Assert.Equal(_uncleanBefore, ConnectionHandle.UncleanCloseCount);
            }
        }
    }

    /// <summary>Whether it has connections break, so that nobody can say whether they were closed cleanly.</summary>
    protected virtual bool LosesConnections => false;

    protected KumoiConnection Host(string name) => Fleet.Find(name) ?? throw new ArgumentException("No such host.", nameof(name));

    /// <summary>Lets go of what the test still holds.</summary>
    protected virtual ValueTask EndAsync() => ValueTask.CompletedTask;

    /// <summary>How the test connects to a host.</summary>
    protected virtual string UriOf(LabHost host) => host.Uri;

    /// <summary>A fleet of all hosts of the lab, beside the test's own.</summary>
    private protected async Task<Fleet> ConnectAsync(ICallPolicyFactory policies)
    {
        var time = TimeProvider.System;
        var fleet = KumoiFleet.Create([new LibvirtDriver(time)], policies, new FaultPlan(new Random(1), time), time);
        await ConnectAllAsync(fleet, UriOf);
        return fleet;
    }

    /// <summary>Connects all hosts of the lab, except those that may be silent and are.</summary>
    private protected async Task ConnectAllAsync(Fleet fleet, Func<LabHost, string> uriOf, bool maySomeBeSilent = false)
    {
        await foreach (var outcome in fleet.ConnectAsync(
            [.. lab.Hosts.Select(host => new ConnectRequest(uriOf(host), host.Name, []))], CancellationToken.None))
        {
            if (!maySomeBeSilent)
            {
                _ = outcome.Result;
            }
        }
    }

    protected async Task<KumoiVM> CreateAsync(
        KumoiConnection host, string name, string variant, bool start = true, OperationId? operation = null,
        CancellationToken cancellationToken = default)
    {
        var spec = new VMSpec { Xml = await lab.XmlAsync(name, variant) };
        return await VMActions.CreateAsync(host, spec, start, keepFailed: false, operation ?? OperationId.New(), cancellationToken);
    }

    protected static Task<KumoiVM> CreateXmlAsync(KumoiConnection host, string xml, bool start = true) => VMActions.CreateAsync(
        host, new VMSpec { Xml = xml }, start, keepFailed: false, OperationId.New(), CancellationToken.None);

    protected Task<IReadOnlyList<VMReading>> VMsAsync(string host) =>
        Host(host).Link.SendAsync(new ReadVMs(), CancellationToken.None).AsTask();

    protected async Task<PowerState?> StateAsync(string host, string vm) =>
        (await Host(host).Link.SendAsync(new FindVMByName(vm), CancellationToken.None))?.State;

    protected async Task RemoveAllVMsAsync(bool removeVolumes = false)
    {
        foreach (var host in Fleet.Hosts)
        {
            foreach (var vm in await host.Link.SendAsync(new ReadVMs(), CancellationToken.None))
            {
                await VMActions.RemoveAsync(new KumoiVM(host, vm), turnOff: true, removeVolumes, CancellationToken.None);
            }

            foreach (var template in await VMActions.ReadTemplatesAsync(host, CancellationToken.None))
            {
                await VMActions.RemoveTemplateAsync(template, removeVolumes, CancellationToken.None);
            }
        }
    }
}
