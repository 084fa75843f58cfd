using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>A test with one VM on k1, if nothing else is said, which is sent to others over one stream.</summary>
public abstract class FanOutTest(RealLab lab) : LabTest(lab)
{
    protected const long MiB = 1L << 20;
    protected const string VM = "twin";

    /// <summary>At this rate a VM with <see cref="FullBytes"/> takes two seconds, in which something can happen.</summary>
    protected const long SlowBytesPerSecond = 12 * MiB;

    /// <summary>What the guest writes over and over.</summary>
    protected const long FullBytes = 24 * MiB;

    private Guid _id;

    /// <summary>Where the VM is at first.</summary>
    protected string Source { get; set; } = "k1";

    protected override string? Obstacle => Lab.NetworkObstacle;

    protected static string[] Targets(int count) => [.. Enumerable.Range(2, count).Select(number => $"k{number}")];

    protected override string UriOf(LabHost host) => host.TcpUri;

    protected async Task<KumoiVM> StartAsync(string variant) => await StartXmlAsync(await Lab.XmlAsync(VM, variant));

    protected async Task<KumoiVM> StartXmlAsync(string xml)
    {
        var vm = await CreateXmlAsync(Host(Source), xml);
        _id = vm.Id;
        await Lab.CountsOnAsync(Source, VM);
        return vm;
    }

    /// <summary>A VM whose stream has a known length: the guest has filled its memory, and is paused.</summary>
    protected async Task<KumoiVM> StartFullAsync()
    {
        const int TicksThatFill = 6;
        var vm = await StartAsync("vhot");
        await Lab.CountsOnAsync(Source, VM, 2 * TicksThatFill);
        await Host(Source).Link.SendAsync(new SuspendVM(vm.Id), CancellationToken.None);
        return vm;
    }

    protected Task<VMWhereabouts> PlaceAsync(string host) =>
        Host(host).Link.SendAsync(new ReadWhereabouts(_id), CancellationToken.None).AsTask();

    /// <summary>It is the same guest, whole, and no other host has anything of it.</summary>
    protected async Task RunsOnlyOnAsync(string winner, long before)
    {
        await Lab.CountsOnAsync(winner, VM, before);
        if (winner != Source)
        {
            Assert.DoesNotContain("BOOT", Lab.Printed(winner, VM), StringComparison.Ordinal);
        }

        foreach (var host in Lab.Hosts)
        {
            Assert.Equal(
                (host.Name, host.Name == winner ? VMWhereabouts.Running : VMWhereabouts.Absent), (host.Name, await PlaceAsync(host.Name)));
        }
    }

    protected async Task RunsOnAtTheSourceAsync()
    {
        Assert.Equal(VMWhereabouts.Running, await PlaceAsync(Source));
        await Lab.CountsOnAsync(Source, VM);
    }

    protected async Task IsGoneFromTargetsAsync()
    {
        foreach (var host in Lab.Hosts.Where(host => host.Name != Source))
        {
            await Eventually.HoldsAsync(
                async () => await PlaceAsync(host.Name) == VMWhereabouts.Absent, $"'{VM}' is gone from {host.Name}");
        }
    }
}
