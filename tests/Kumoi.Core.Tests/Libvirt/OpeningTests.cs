using System.Net;
using System.Net.Sockets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Hypervisors.Libvirt.Native;
using Xunit;

namespace Kumoi.Tests.Libvirt;

public sealed class OpeningTests : LibvirtTest
{
    [Theory]
    [InlineData("qemu:///system", true)]
    [InlineData("qemu+ssh://root@kvm1/system", true)]
    [InlineData("test:///default", true)]
    [InlineData("xen:///system", true)]
    [InlineData("ch:///system", true)]
    [InlineData("qemu:system", true)] // handled, so that Resolve can say what is wrong
    [InlineData("sim://fleet", false)]
    [InlineData("SIM://fleet", false)]
    [InlineData("kvm1", false)]
    [InlineData("", false)]
    [InlineData("://x", false)]
    public void The_driver_handles_whatever_has_a_scheme_but_the_simulators(string uri, bool expected) =>
        Assert.Equal(expected, Driver.Handles(uri));

    [Theory]
    [InlineData("qemu+tls://kvm1.example.com/system", "kvm1.example.com")]
    [InlineData("qemu+ssh://root@kvm_1:2222/system?keyfile=/k", "kvm_1")]
    [InlineData("qemu+tcp://[fd00::1]:16509/system", "fd00::1")]
    [InlineData("qemu+unix:///system?socket=/lab/h/3/sock", "/lab/h/3/sock")]
    [InlineData("qemu+unix:///system?mode=direct&socket=%2Flab%2Fsock", "/lab/sock")]
    public void A_URI_names_its_host_before_it_is_open(string uri, string expected) =>
        Assert.Equal(new HostAddress(uri, expected), Assert.Single(Driver.Resolve(uri)));

    [Fact]
    public void A_local_URI_names_this_machine() =>
        Assert.Equal(Environment.MachineName, Driver.Resolve("qemu:///system")[0].ExpectedName);

    [Theory]
    [InlineData("qemu:system")]
    [InlineData("qemu:/system")]
    [InlineData("qemu+tpc://host/system")]
    [InlineData("qemu+tcp://host:port/system")]
    [InlineData("qemu+tcp://host:99999/system")]
    [InlineData("qemu+tcp://ho st/system")]
    [InlineData("test:///")]
    public void A_malformed_URI_is_refused_with_advice(string uri)
    {
        HypervisorException failure = Assert.Throws<HypervisorException>(() => Driver.Resolve(uri));

        Assert.Equal(HypervisorError.InvalidUri, failure.Error);
        Assert.False(failure.IsTransient);
        Assert.Contains("qemu:///system", failure.RecommendedAction, StringComparison.Ordinal);
    }

    [Fact]
    public void A_password_does_not_show()
    {
        LibvirtUri uri = LibvirtUri.Parse("qemu+tcp://admin:s3cret@kvm1/system");

        Assert.Equal("qemu+tcp://admin@kvm1/system", uri.Display);
        Assert.Contains("s3cret", uri.ForOpening, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qemu+ssh://kvm1/system", "qemu+ssh://kvm1/system?no_tty=1")]
    [InlineData("qemu+ssh://kvm1/system?keyfile=/k", "qemu+ssh://kvm1/system?keyfile=/k&no_tty=1")]
    [InlineData("qemu+ssh://kvm1/system?no_tty=0", "qemu+ssh://kvm1/system?no_tty=0")]
    [InlineData("qemu+tls://kvm1/system", "qemu+tls://kvm1/system")]
    public void Ssh_does_not_ask_on_the_terminal(string uri, string opened) =>
        Assert.Equal(opened, LibvirtUri.Parse(uri).ForOpening);

    [Theory]
    [InlineData("qemu+tls://kvm1/system", true)]
    [InlineData("qemu+ssh://kvm1/system", true)]
    [InlineData("qemu:///system", false)]
    [InlineData("qemu+tcp://localhost/system", false)]
    [InlineData("qemu+unix:///system?socket=/s", false)]
    [InlineData("test:///default", false)]
    public void Only_some_URIs_mean_the_same_on_another_host(string uri, bool expected) =>
        Assert.Equal(expected, LibvirtUri.Parse(uri).IsReachableFromOtherHosts);

    [Fact]
    public async Task A_socket_that_is_not_there_is_a_failure_of_the_host()
    {
        HypervisorException failure = await FailsAsync(
            HypervisorError.ConnectionFailed, FaultDomain.Host, () => OpenAsync("qemu+unix:///system?socket=/nowhere/libvirt-sock"));

        Assert.True(failure.IsTransient);
        Assert.NotNull(failure.RecommendedAction);
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_a_failure_of_the_host()
    {
        using Socket unused = new(SocketType.Stream, ProtocolType.Tcp);
        unused.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // taken, but not listening: refused
        int port = ((IPEndPoint)unused.LocalEndPoint!).Port;

        HypervisorException failure = await FailsAsync(
            HypervisorError.ConnectionFailed, FaultDomain.Host, () => OpenAsync($"qemu+tcp://127.0.0.1:{port}/system"));

        Assert.True(failure.IsTransient);
    }

    [Fact]
    public async Task A_node_file_that_is_not_there_is_a_bad_URI() =>
        await FailsAsync(HypervisorError.InvalidUri, FaultDomain.Unknown, () => OpenAsync("test:///nowhere/node.xml"));

    [Fact]
    public async Task Opening_a_host_that_never_answers_can_be_cancelled()
    {
        using Socket silent = new(SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen();
        int port = ((IPEndPoint)silent.LocalEndPoint!).Port;
        using CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(Deadline);

        Task<IHypervisorLink> opening =
            Driver.OpenAsync(Driver.Resolve($"qemu+tcp://127.0.0.1:{port}/system")[0], cancel.Token);
        using Socket accepted = await silent.AcceptAsync(Deadline); // now libvirt waits for an answer
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
    }

    [Fact]
    public async Task Links_to_the_default_node_share_it_and_links_to_a_file_do_not()
    {
        IHypervisorLink one = await OpenDefaultAsync();
        IHypervisorLink two = await OpenDefaultAsync();

        VMReading vm = await one.DefineAsync(Small("shared"), OperationId.New(), Deadline);

        Assert.NotNull(await two.FindVMAsync(vm.Id, Deadline));
        Assert.Null(await (await OpenNodeAsync()).FindVMAsync(vm.Id, Deadline));
    }

    [Fact]
    public async Task A_disposed_link_refuses_calls_and_can_be_disposed_again()
    {
        IHypervisorLink link = await OpenNodeAsync();

        await link.DisposeAsync();
        await link.DisposeAsync();

        await FailsAsync(HypervisorError.ConnectionFailed, FaultDomain.Host, () => link.ReadVMsAsync(Deadline));
    }

    [Fact]
    public async Task Every_call_on_a_link_that_was_dropped_has_lost_its_connection_and_has_done_nothing()
    {
        IHypervisorLink link = await OpenNodeAsync(1);
        Guid id = (await link.ReadVMsAsync(Deadline))[0].Id;
        OperationId operation = OperationId.New();
        await link.DisposeAsync();
        Func<Task>[] calls =
        [
            () => link.ReadHostAsync(true, Deadline),
            () => link.FindVMAsync(id, Deadline),
            () => link.FindVMAsync("vm0", Deadline),
            () => link.ReadXmlAsync(id, Deadline),
            () => link.ReadDefinitionAsync(id, Deadline),
            () => link.ReadPlaceAsync(id, Deadline),
            () => link.ReadMarkedAsync(Deadline),
            () => link.ReadHostIdAsync(Deadline),
            () => link.FindHostStateAsync(id, Deadline),
            () => link.DefineAsync(Small("new"), operation, Deadline),
            () => link.DefineAsync(Small("new") with { CopyDisks = true }, operation, Deadline),
            () => link.UndoDefineAsync(operation, Deadline),
            () => link.StartAsync(id, false, operation, Deadline),
            () => link.DestroyAsync(id, operation, Deadline),
            () => link.ResumeAsync(id, operation, Deadline),
            () => link.UndefineAsync(id, false, operation, Deadline),
            () => link.MarkAsync(id, null, Deadline),
            () => link.RemoveCopyAsync(id, new CopyRemoval(operation, 0, [VMPlace.Off], CopyRemovalKind.Undefine), Deadline),
            async () =>
            {
                await foreach (VMLifecycleEvent _ in link.WatchAsync(Deadline))
                {
                    // None comes.
                }
            },
        ];
        foreach (Func<Task> call in calls)
        {
            HypervisorException failure = await FailsAsync(HypervisorError.ConnectionFailed, FaultDomain.Host, call);
            Assert.False(failure.OutcomeUnknown);
        }
    }

    [Theory]
    [InlineData("/nowhere/libvirt.so.0")]
    [InlineData("/dev/null")]
    public void A_missing_library_is_one_clear_error(string path)
    {
        HypervisorException failure = Assert.Throws<HypervisorException>(() => LibvirtLibrary.Load(path));

        Assert.Equal(HypervisorError.LibraryMissing, failure.Error);
        Assert.Contains(path, failure.Message, StringComparison.Ordinal);
        Assert.Contains("apt install libvirt0", failure.RecommendedAction, StringComparison.Ordinal);
        Assert.Contains("dnf install libvirt-libs", failure.RecommendedAction, StringComparison.Ordinal);
        Assert.Contains("brew install libvirt", failure.RecommendedAction, StringComparison.Ordinal);
    }
}
