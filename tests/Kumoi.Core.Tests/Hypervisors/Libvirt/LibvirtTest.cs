using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Hypervisors.Libvirt.Native;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt;

/// <summary>
/// Base of the tests that use libvirt's test driver, which runs in this process. After each test every connection must be
/// closed, and closed cleanly; so they run one after the other.
/// </summary>
[Collection("libvirt")]
public abstract class LibvirtTest : IAsyncLifetime
{
    /// <summary>Only a safety net: no test waits for it.</summary>
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
    private readonly List<IAsyncDisposable> _links = [];
    private readonly List<string> _files = [];
    private int _uncleanBefore;

    protected LibvirtDriver Driver { get; } = new();

    protected CancellationToken Deadline => _deadline.Token;

    public ValueTask InitializeAsync()
    {
        try
        {
            LibvirtLibrary.EnsureReady();
        }
        catch (HypervisorException e) when (e.Error == HypervisorError.LibraryMissing)
        {
            Assert.Skip("libvirt's client library (libvirt0) is not installed here");
        }

        _uncleanBefore = ConnectionHandle.UncleanCloseCount;
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links)
        {
            await link.DisposeAsync();
        }

        _files.ForEach(File.Delete);
        _deadline.Dispose();
        GC.SuppressFinalize(this);
        Assert.Equal(0, ConnectionHandle.LiveCount);
        Assert.Equal(_uncleanBefore, ConnectionHandle.UncleanCloseCount);
    }

    protected Task<IHypervisorLink> OpenDefaultAsync() => OpenAsync("test:///default");

    protected async Task<IHypervisorLink> OpenAsync(string uri, LibvirtDriver? driver = null)
    {
        driver ??= Driver;
        var link = await driver.OpenAsync(driver.Resolve(uri)[0], Deadline);
        _links.Add(link);
        return link;
    }

    /// <summary>
    /// A node of its own, with VMs vm0, vm1, … of 64 MiB and 2 CPUs that run, a storage pool with volumes (their XML), and what else is
    /// given as XML.
    /// </summary>
    protected Task<IHypervisorLink> OpenNodeAsync(int vmCount = 0, LibvirtDriver? driver = null, string volumes = "", string extra = "")
    {
        var file = Path.Combine(Path.GetTempPath(), $"kumoi-{Guid.NewGuid():N}.xml");
        _files.Add(file);
        var numbered = Enumerable.Range(0, vmCount).Select(static i =>
            $"<domain type='test'><name>vm{i}</name><memory unit='MiB'>64</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>");
        File.WriteAllText(
            file,
            $"""
            <node>
              <cpu><mhz>2000</mhz><model>kumoi</model><active>8</active>
                <nodes>1</nodes><sockets>2</sockets><cores>4</cores><threads>1</threads></cpu>
              <memory>8388608</memory>
              <pool type='dir'><name>default</name><target><path>/images</path></target>{volumes}</pool>
              <network><name>default</name><forward/><ip address='192.168.122.1' netmask='255.255.255.0'/></network>
              {string.Concat(numbered)}{extra}
            </node>
            """);
        return OpenAsync($"test://{file}", driver);
    }

    protected static VMSpec Small(string name) => new() { Name = name, MemoryBytes = 64L << 20 };

    protected Task<HypervisorException> FailsAsync(HypervisorError error, Func<Task> call) => FailsAsync(error, null, call);

    protected static async Task<HypervisorException> FailsAsync(HypervisorError error, FaultDomain? domain, Func<Task> call)
    {
        var failure = await Assert.ThrowsAsync<HypervisorException>(call);
        Assert.Equal(error, failure.Error);
        if (domain is { } expected)
        {
            Assert.Equal(expected, failure.FaultDomain);
        }

        return failure;
    }
}
