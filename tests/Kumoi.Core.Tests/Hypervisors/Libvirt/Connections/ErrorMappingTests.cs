using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Connections;

public sealed class ErrorMappingTests
{
    [Theory]
    [InlineData(42, 0, HypervisorError.VMNotFound, FaultDomain.VM, false)]
    [InlineData(28, 0, HypervisorError.VMExists, FaultDomain.VM, false)]
    [InlineData(55, 10, HypervisorError.InvalidState, FaultDomain.VM, false)]
    [InlineData(55, 18, HypervisorError.StorageFailed, FaultDomain.Storage, false)] // the pool is not active
    [InlineData(55, 19, HypervisorError.ResourceUnavailable, FaultDomain.Host, false)] // the network is not active
    [InlineData(27, 0, HypervisorError.InvalidSpecification, FaultDomain.VM, false)]
    [InlineData(35, 0, HypervisorError.InvalidSpecification, FaultDomain.VM, false)]
    [InlineData(67, 0, HypervisorError.InvalidSpecification, FaultDomain.VM, false)]
    [InlineData(92, 0, HypervisorError.InvalidSpecification, FaultDomain.VM, false)]
    [InlineData(1, 10, HypervisorError.Other, FaultDomain.Unknown, false)] // QEMU died on starting
    [InlineData(1, 18, HypervisorError.StorageFailed, FaultDomain.Storage, false)]
    [InlineData(38, 18, HypervisorError.StorageFailed, FaultDomain.Storage, false)]
    [InlineData(38, 10, HypervisorError.Other, FaultDomain.Unknown, false)]
    [InlineData(49, 18, HypervisorError.StorageFailed, FaultDomain.Storage, false)]
    [InlineData(50, 18, HypervisorError.StorageFailed, FaultDomain.Storage, false)]
    [InlineData(90, 18, HypervisorError.StorageFailed, FaultDomain.Storage, false)]
    [InlineData(43, 19, HypervisorError.ResourceUnavailable, FaultDomain.Host, false)]
    [InlineData(2, 0, HypervisorError.ResourceUnavailable, FaultDomain.Host, false)]
    [InlineData(3, 12, HypervisorError.NotSupported, FaultDomain.Host, false)]
    [InlineData(91, 31, HypervisorError.NotSupported, FaultDomain.Host, false)]
    [InlineData(68, 10, HypervisorError.TimedOut, FaultDomain.VM, true)]
    [InlineData(86, 10, HypervisorError.TimedOut, FaultDomain.VM, true)]
    [InlineData(78, 10, HypervisorError.Aborted, FaultDomain.Unknown, false)]
    [InlineData(81, 10, HypervisorError.InvalidState, FaultDomain.VM, false)]
    [InlineData(88, 55, HypervisorError.AuthenticationFailed, FaultDomain.Host, false)]
    [InlineData(12345, 0, HypervisorError.Other, FaultDomain.Unknown, false)]
    public void A_failed_call_means(int code, int origin, HypervisorError error, FaultDomain domain, bool isTransient)
    {
        var failure = Map(code, origin, CallKind.Write, loss: null);

        Assert.Equal(error, failure.Error);
        Assert.Equal(domain, failure.FaultDomain);
        Assert.Equal(isTransient, failure.IsTransient);
        Assert.False(failure.OutcomeUnknown);
        Assert.Equal(code, failure.NativeCode);
    }

    [Theory]
    [InlineData(CallKind.Connect, 111, true)] // ECONNREFUSED
    [InlineData(CallKind.Connect, 113, true)] // EHOSTUNREACH
    [InlineData(CallKind.Connect, 2, true)] // ENOENT: nobody listens at a socket
    [InlineData(CallKind.Connect, 110, false)] // ETIMEDOUT: nobody has said anything
    [InlineData(CallKind.Read, 111, false)]
    public void Somebody_has_said_no_to_a_connection(CallKind kind, int errno, bool isRefusal) =>
        Assert.Equal(isRefusal, LibvirtErrors.ToException(
            new LibvirtFailure(LibvirtCode.SystemError, LibvirtOrigin.Rpc, errno, "no"), "connect to x", kind, loss: null).IsRefusal);

    [Theory]
    [InlineData(45, 0, HypervisorError.AuthenticationFailed, FaultDomain.Host, false)]
    [InlineData(94, 0, HypervisorError.AuthenticationFailed, FaultDomain.Host, false)]
    [InlineData(38, 13, HypervisorError.AuthenticationFailed, FaultDomain.Host, false)] // EACCES on the socket
    [InlineData(38, 111, HypervisorError.ConnectionFailed, FaultDomain.Host, true)] // ECONNREFUSED
    [InlineData(38, 2, HypervisorError.ConnectionFailed, FaultDomain.Host, true)] // ENOENT
    [InlineData(38, 113, HypervisorError.ConnectionFailed, FaultDomain.Network, true)] // EHOSTUNREACH
    [InlineData(38, 110, HypervisorError.ConnectionFailed, FaultDomain.Network, true)] // ETIMEDOUT
    [InlineData(4, 0, HypervisorError.ConnectionFailed, FaultDomain.Network, false)] // a name that does not resolve: no use to try again
    [InlineData(1, 0, HypervisorError.ConnectionFailed, FaultDomain.Host, true)]
    [InlineData(5, 0, HypervisorError.InvalidUri, FaultDomain.Unknown, false)]
    public void A_failed_opening_means(int code, int errno, HypervisorError error, FaultDomain domain, bool isTransient)
    {
        var failure = LibvirtErrors.ToException(
            new LibvirtFailure((LibvirtCode)code, LibvirtOrigin.Rpc, errno, "it did not work"), "connect to x", CallKind.Connect,
            loss: null);

        Assert.Equal(error, failure.Error);
        Assert.Equal(domain, failure.FaultDomain);
        Assert.Equal(isTransient, failure.IsTransient);
        Assert.NotNull(failure.RecommendedAction);
    }

    [Theory]
    [InlineData(
        38, "Cannot recv data: Host key verification failed.: Connection reset by peer", HypervisorError.AuthenticationFailed, false)]
    [InlineData(38, "End of file while reading data: root@k1: Permission denied "
        + "(publickey,keyboard-interactive).: Input/output error", HypervisorError.AuthenticationFailed, false)]
    [InlineData(98, "internal error: SSH host key for '10.0.0.1' was not accepted: "
        + "known_hosts has another one", HypervisorError.AuthenticationFailed, false)]
    [InlineData(85, "authentication failed: None of the requested authentication methods are "
        + "supported by the server", HypervisorError.AuthenticationFailed, false)]
    [InlineData(38, "Cannot recv data: ssh: Could not resolve hostname nowhere: Name or service not known: "
        + "Connection reset by peer", HypervisorError.ConnectionFailed, false)]
    [InlineData(
        38, "Unable to resolve address 'nowhere' service '16509': Name or service not known", HypervisorError.ConnectionFailed, false)]
    [InlineData(
        38, "Unable to resolve address 'k1' service '16509': Temporary failure in name resolution", HypervisorError.ConnectionFailed, true)]
    [InlineData(38, "Cannot recv data: ssh: connect to host k1 port 22: Connection refused: "
        + "Connection reset by peer", HypervisorError.ConnectionFailed, true)]
    [InlineData(38, "Cannot recv data: kex_exchange_identification: Connection closed by remote host: "
        + "Connection reset by peer", HypervisorError.ConnectionFailed, true)]
    public void What_ssh_and_the_resolver_say_tells_whether_trying_again_helps(
        int code, string words, HypervisorError error, bool isTransient)
    {
        var failure = LibvirtErrors.ToException(
            new LibvirtFailure((LibvirtCode)code, LibvirtOrigin.Rpc, 104, words), "connect to x", CallKind.Connect, loss: null);

        Assert.Equal((error, isTransient), (failure.Error, failure.IsTransient));
        Assert.NotNull(failure.RecommendedAction);
    }

    [Theory]
    [InlineData(ConnectionLoss.KeepAlive, FaultDomain.Network)]
    [InlineData(ConnectionLoss.EndOfFile, FaultDomain.Host)]
    [InlineData(ConnectionLoss.Error, FaultDomain.Host)]
    public void After_a_lost_connection_nobody_knows_whether_a_change_was_made(object loss, FaultDomain domain)
    {
        var change = Map(39, 7, CallKind.Write, (ConnectionLoss)loss);
        var read = Map(38, 7, CallKind.Read, (ConnectionLoss)loss);

        Assert.Equal(HypervisorError.ConnectionFailed, change.Error);
        Assert.Equal(domain, change.FaultDomain);
        Assert.True(change.OutcomeUnknown);
        Assert.False(read.OutcomeUnknown);
        Assert.True(read.IsTransient);
    }

    [Fact]
    public void The_message_names_what_was_tried_and_what_the_hypervisor_said()
    {
        var failure = Map(55, 10, CallKind.Write, loss: null);

        Assert.Equal("Cannot start VM 'web' on kvm1: it did not work.", failure.Message);
    }

    private static HypervisorException Map(int code, int origin, CallKind kind, ConnectionLoss? loss) => LibvirtErrors.ToException(
        new LibvirtFailure((LibvirtCode)code, (LibvirtOrigin)origin, 0, "it did not work"), "start VM 'web' on kvm1", kind, loss);
}
